import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    // Engine and socket tests start real processes; two cores leave no room for more than two files at a time.
    maxWorkers: 2,
    // Days are those of UTC, wherever the collector runs: here it is tomorrow already for fourteen hours of each.
    env: { TZ: 'Pacific/Kiritimati' },
    testTimeout: 60_000,
    expect: { poll: { timeout: 20_000, interval: 20 } },
    hookTimeout: 60_000,
  },
});
