import { defineConfig } from 'vitest/config';

/** What is of the port itself: `npm run test:long` runs it once more, with ws in place of uWebSockets.js. */
const port = [
  'test/http/{web-sockets,http-server,http-as-spoken,cors,request-places,descriptors}.test.ts',
  'test/live/*.test.ts',
  'test/end-to-end/{protocol,few-descriptors}.test.ts',
];

/**
 * What a collector is killed, cut off, damaged or fuzzed for, its clock walked, days repaired and people erased, or a
 * whole history compared answer by answer: twenty seconds to two minutes a file. `npm run test:long` runs them, and
 * `.ci/run` after every `npm test`.
 */
const long = [
  ...['day-finalizer', 'erased-day', 'erased-sums', 'erasure', 'exact-segment-writer', 'guard-corpus'].map(
    (name) => `test/clickhouse/${name}.test.ts`,
  ),
  'test/clickhouse-clients/**/*.test.ts',
  'test/damage/**/*.test.ts',
  'test/package/**/*.test.ts',
  'test/power/**/*.test.ts',
  'test/sdk-adapters/**/*.test.ts',
  'test/sdk/outages.test.ts',
  'test/sdk-python/**/*.test.ts',
  'test/telemetry/prometheus-server.test.ts',
  ...['browser', 'clock-walk', 'crash', 'documented-examples', 'event-ids', 'few-descriptors', 'finalization'].map(
    (name) => `test/end-to-end/${name}.test.ts`,
  ),
  ...[
    'backup',
    'tls',
    'older-data-dirs',
    'full-spool',
    'history',
    'percentiles',
    'quarantine',
    'reader-access',
    'schemathesis',
    'start-refusals',
  ].map((name) => `test/end-to-end/${name}.test.ts`),
  'test/end-to-end/{told-apart,two-shards,vectors}.test.ts',
];

export default defineConfig({
  test: {
    // Two cores are busy with two files at a time, but for those that wait: for a ping, a start, the end of a deadline.
    maxWorkers: 3,
    // Days are those of UTC, wherever the collector runs: here it is tomorrow already for fourteen hours of each.
    env: { TZ: 'Pacific/Kiritimati' },
    testTimeout: 120_000,
    expect: { poll: { timeout: 30_000, interval: 20 } },
    hookTimeout: 120_000,
    globalSetup: ['test/global-setup.ts'],
    projects: [
      // Files share a worker, and with it the modules it has loaded: loading them for each takes as long as many tests.
      {
        extends: true,
        test: {
          name: 'short',
          include: ['test/**/*.test.ts'],
          exclude: [...long, 'test/ui/*.test.ts'],
          isolate: false,
        },
      },
      { extends: true, test: { name: 'long', include: long } },
      // In a browser, at one collector that is started once.
      {
        extends: true,
        test: {
          name: 'ui',
          include: ['test/ui/*.test.ts'],
          globalSetup: ['test/global-setup.ts', 'test/support/ui-global-setup.ts'],
        },
      },
      { extends: true, test: { name: 'by-ws', include: port, env: { TIDEMARK_TEST_SOCKETS: 'node' } } },
    ],
  },
});
