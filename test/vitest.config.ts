import { defineConfig } from 'vitest/config';

/** Whoever else is alone on the machine, or measures its own process, has a process of its own. */
const alone = ['damage', 'power'].map((folder) => `test/${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    // Engine and socket tests start real processes; two cores leave no room for more than two files at a time.
    maxWorkers: 2,
    // Days are those of UTC, wherever the collector runs: here it is tomorrow already for fourteen hours of each.
    env: { TZ: 'Pacific/Kiritimati' },
    testTimeout: 60_000,
    expect: { poll: { timeout: 20_000, interval: 20 } },
    hookTimeout: 60_000,
    globalSetup: ['test/global-setup.ts'],
    projects: [
      { extends: true, test: { name: 'alone', include: alone } },
      {
        extends: true,
        test: { name: 'sharing', include: ['test/**/*.test.ts'], exclude: alone, isolate: false },
      },
    ],
  },
});
