import type { Clock } from '../../../core/clock.js';
import type { EngineChild, LaunchOutcome } from './engine-child.js';

/**
 * Waits for a process that starts, until it is ready or gone, or will not become ready: after `readyMsMax`, or when a
 * thread of it is seen in its handler of crashes twice, `lookPauseMs` apart. How long a start takes on a slow disk is
 * no sign of anything.
 */
export async function launchOutcome(child: EngineChild, clock: Clock, lookPauseMs: number): Promise<LaunchOutcome> {
  const deadline = clock.setTimer(readyMsMax, () => child.settle(silentOutcome));
  let crashed: number | null = null;
  const look = () => {
    const before = crashed;
    crashed = child.crashedThread();
    if (crashed === null || crashed !== before) {
      next = clock.setTimer(lookPauseMs, look);
      return;
    }
    child.settle(crashedOutcome);
    child.kill('fatal');
  };
  let next = clock.setTimer(lookPauseMs, look);
  const outcome = await child.launched;
  deadline.cancel();
  next.cancel();
  return outcome;
}

/** Far more than a start takes on a slow and busy machine: one that is ended too early never comes to its end. */
const readyMsMax = 180_000;
const silentOutcome: LaunchOutcome = { status: 'failed', reason: 'silent', message: 'it did not become ready in time' };
const crashedOutcome: LaunchOutcome = { status: 'failed', reason: 'fatal', message: 'a thread of it crashed' };
