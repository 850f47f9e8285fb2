import { defineConfig } from 'vitest/config';

/** What is of the port itself: `npm run test:long` runs it once more, with ws in place of uWebSockets.js. */
const port = [
  'test/http/{web-sockets,http-server,http-as-spoken,cors,request-places,descriptors}.test.ts',
  'test/live/*.test.ts',
  'test/end-to-end/{protocol,few-descriptors}.test.ts',
];

/**
 * What starts whole collectors, kills them, damages their files or walks their clock, repairs days and erases people,
 * installs packages and other people's programs, streams large results to slow clients, or compares a whole history
 * answer by answer: up to some minutes a file. `npm run test:long` runs them, and `.ci/run` after every `npm test`.
 */
const long = [
  'test/api/{dashboard/remembered-dashboard,failures/failure-settlement,failures/grown-breakdown}.test.ts',
  'test/api/statistics/large-sums.test.ts',
  'test/api/tasks/{remembered-task-changes,remembered-tasks,task-list}.test.ts',
  'test/cli/{command-certificate,doctor,executions-cleanup,keys,live-commands,migrate,reading-commands}.test.ts',
  ...[
    'cluster/schema-rendering',
    'cluster/two-shards',
    'day-finalizer',
    'embedded-held',
    'embedded-process',
    'embedded-progress',
    'embedded-stream',
    'embedded-watch',
    'erased-day',
    'erased-sums',
    'erasure',
  ].map((name) => `test/clickhouse/${name}.test.ts`),
  'test/clickhouse/{engine-threads,exact-segment-writer,guard-corpus,migrate,parts-watch,retention}.test.ts',
  'test/clickhouse/{merged-attempts,segment-views,store-lease,unmerged-rows}.test.ts',
  'test/clickhouse/{unwritten-inserts,written-definitions}.test.ts',
  'test/clickhouse-clients/**/*.test.ts',
  'test/damage/**/*.test.ts',
  'test/end-to-end/**/*.test.ts',
  'test/live/live.test.ts',
  'test/package/**/*.test.ts',
  'test/power/**/*.test.ts',
  'test/sdk-adapters/**/*.test.ts',
  'test/sdk/{client-certificate,outages}.test.ts',
  'test/sdk-python/**/*.test.ts',
  'test/telemetry/prometheus-server.test.ts',
];

export default defineConfig({
  test: {
    // Two cores are busy with two files at a time, but for those that wait: for a ping, a start, the end of a deadline.
    maxWorkers: 3,
    // Days are those of UTC, wherever the collector runs: here it is tomorrow already for fourteen hours of each.
    env: { TZ: 'Pacific/Kiritimati' },
    // Three times what the longest takes on a slow machine: they end what hangs, and judge no speed.
    testTimeout: 300_000,
    expect: { poll: { timeout: 60_000, interval: 20 } },
    hookTimeout: 300_000,
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
          isolate: false,
          globalSetup: ['test/global-setup.ts', 'test/support/ui-global-setup.ts'],
        },
      },
      { extends: true, test: { name: 'by-ws', include: port, env: { TIDEMARK_TEST_SOCKETS: 'node' } } },
    ],
  },
});
