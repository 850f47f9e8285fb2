import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { latestMs, releaseMs } from '../../src/core/release-date.js';

const dayMs = 86_400_000;

/** When the newest commit was made; null where there is no history. */
function newestChangeMs(): number | null {
  try {
    const told = execFileSync('git', ['log', '-1', '--format=%ct'], { encoding: 'utf8', stdio: 'pipe' });
    return Number(told) * 1_000 || null;
  } catch {
    return null;
  }
}

test('the release is no later than the newest change, and within half a year of it', ({ skip }) => {
  const changedMs = newestChangeMs();
  if (changedMs === null) return skip('no history of changes here');
  expect(releaseMs).toBeLessThanOrEqual(changedMs);
  expect(changedMs - releaseMs).toBeLessThan(183 * dayMs);
});

test('rows of the last time that is received can be kept for longer than they have to', () => {
  const secondsMax = 2 ** 32;
  expect(latestMs / 1_000 + (4_000 * dayMs) / 1_000).toBeLessThan(secondsMax);
});
