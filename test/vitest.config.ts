import { defineConfig } from 'vitest/config';

/**
 * Folders whose tests work in their own process, on files and fake time at most. Their files share a worker, and with
 * it the modules it has loaded: loading them anew for each file takes as long as the tests do.
 */
const sharing = ['answers', 'bench', 'config', 'core', 'decode', 'deliver', 'ingest', 'sdk', 'spool', 'telemetry'].map(
  (folder) => `test/${folder}/**/*.test.ts`,
);

/** What is of the port itself: `npm run test:long` runs it once more, with ws in place of uWebSockets.js. */
const port = [
  'test/http/{web-sockets,http-server,http-as-spoken,cors,request-places,descriptors}.test.ts',
  'test/live/*.test.ts',
  'test/end-to-end/{protocol,few-descriptors}.test.ts',
];

/**
 * What a collector is killed, cut off, damaged or fuzzed for, its clock walked, or a whole history compared answer by
 * answer: up to two minutes each. `npm run test:long` runs them, and `.ci/run` after every `npm test`.
 */
const long = [
  'test/clickhouse/guard-corpus.test.ts',
  'test/damage/**/*.test.ts',
  'test/power/**/*.test.ts',
  ...['clock-walk', 'crash', 'finalization', 'history', 'schemathesis', 'told-apart'].map(
    (name) => `test/end-to-end/${name}.test.ts`,
  ),
];

const globalSetup = ['test/global-setup.ts'];

export default defineConfig({
  test: {
    // Engine and socket tests start real processes; two cores leave no room for more than two files at a time.
    maxWorkers: 2,
    // Days are those of UTC, wherever the collector runs: here it is tomorrow already for fourteen hours of each.
    env: { TZ: 'Pacific/Kiritimati' },
    testTimeout: 60_000,
    expect: { poll: { timeout: 20_000, interval: 20 } },
    hookTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'sharing', include: sharing, isolate: false } },
      {
        extends: true,
        test: {
          name: 'alone',
          include: ['test/**/*.test.ts'],
          exclude: [...sharing, ...long],
          globalSetup,
        },
      },
      { extends: true, test: { name: 'long', include: long, globalSetup } },
      { extends: true, test: { name: 'by-ws', include: port, globalSetup, env: { TIDEMARK_TEST_SOCKETS: 'node' } } },
    ],
  },
});
