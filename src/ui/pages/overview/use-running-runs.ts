import { useEffect, useState } from 'react';
import { type LiveState, useLive } from '../../live/use-live.js';
import { heard, noRunningRuns, type RunningRuns } from './running-runs.js';

/** Events of runs only: the progress of all runs is told whatever the types are, and the events are not shown. */
const runTypes = ['run.started', 'run.completed', 'run.failed', 'run.cancelled'] as const;

/** A run that nothing is heard of is forgotten by the collector without a word: a new snapshot leaves it out. */
const snapshotMs = 300_000;

/** What runs now, from the live socket. */
export function useRunningRuns(): { readonly running: RunningRuns; readonly state: LiveState } {
  const [running, setRunning] = useState(noRunningRuns);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setRound((before) => before + 1), snapshotMs);
    return () => clearInterval(timer);
  }, []);
  // Another order of the same types is another subscription, and begins with a snapshot.
  const types = round % 2 === 0 ? runTypes : runTypes.toReversed();
  const state = useLive({ type: types.join() }, (message) => setRunning((before) => heard(before, message)));
  return { running, state };
}
