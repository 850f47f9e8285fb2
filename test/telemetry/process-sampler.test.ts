import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../src/core/clock.js';
import { ProcessSampler } from '../../src/telemetry/process-sampler.js';

describe('the delay of the event loop', () => {
  it('is that of a loop that was held up', async () => {
    const sampler = new ProcessSampler(systemClock);
    holdUp(600);
    await sleep(20);
    const { max, p50 } = sampler.sample().loopDelaySeconds;
    expect(max).toBeGreaterThan(0.25);
    expect(p50).toBeLessThanOrEqual(max);
    expect(sampler.sample().loopDelaySeconds).toEqual({ p50: 0, p99: 0, max: 0 });
    sampler.close();
  });

  it('is looked for once a second when there is nothing to do, and ten times when there is', async () => {
    const { clock, delaysMs } = recordingClock();
    const sampler = new ProcessSampler(clock);
    // A machine that does much else makes little work long: until one tick found none, and until two found much.
    await expect.poll(() => delaysMs, { interval: 500 }).toContain(1_000);
    delaysMs.length = 0;
    const foundWork = async () => {
      holdUp(60);
      await sleep(40);
      return delaysMs.slice(-2);
    };
    await expect.poll(foundWork, { interval: 1 }).toEqual([100, 100]);
    sampler.close();
  });
});

function holdUp(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

/** The system's clock, which writes down how long its timers are to take. */
function recordingClock(): { readonly clock: Clock; readonly delaysMs: number[] } {
  const delaysMs: number[] = [];
  const clock: Clock = {
    ...systemClock,
    setTimer(delayMs, callback) {
      delaysMs.push(delayMs);
      return systemClock.setTimer(delayMs, callback);
    },
  };
  return { clock, delaysMs };
}
