import { useState } from 'react';
import type { LiveMessage } from '../../live/live-messages.js';
import { type LiveState, useLive } from '../../live/use-live.js';
import { heard, noRunningRuns, type RunningRuns } from './running-runs.js';

/** Events of runs only: the progress of all runs is told whatever the types are, and the events are not shown. */
const runTypes = ['run.started', 'run.completed', 'run.failed', 'run.cancelled'] as const;

/** A run that nothing is heard of is forgotten by the collector without a word: a new snapshot leaves it out. */
const snapshotMs = 300_000;

/** What runs now, from the live socket. */
export function useRunningRuns(): { readonly running: RunningRuns; readonly state: LiveState } {
  const [running, setRunning] = useState(noRunningRuns);
  const listen = (message: LiveMessage) => setRunning((before) => heard(before, message));
  const state = useLive({ type: runTypes.join() }, listen, { renewMs: snapshotMs });
  return { running, state };
}
