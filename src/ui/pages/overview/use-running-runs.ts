import { useEffect, useState } from 'react';
import type { LiveMessage } from '../../live/live-messages.js';
import { type LiveState, useLive } from '../../live/use-live.js';
import { heard, noRunningRuns, type RunningRuns } from './running-runs.js';

/** Events of runs only: their progress is told whatever the types are, and the events themselves are not shown. */
const ofRuns = { type: 'run.started,run.completed,run.failed,run.cancelled' };
const ofAll = {};

/** A run that nothing is heard of is forgotten by the collector without a word: a new snapshot leaves it out. */
const snapshotMs = 300_000;

/**
 * What runs now, from the live socket. While nothing was ever received (`isEmpty`) it listens to everything, and
 * `onFirst` is told of the first event.
 */
export function useRunningRuns(
  isEmpty: boolean,
  onFirst: () => void,
): { readonly running: RunningRuns; readonly state: LiveState } {
  const [running, setRunning] = useState(noRunningRuns);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setRound((before) => before + 1), snapshotMs);
    return () => clearInterval(timer);
  }, []);
  const filter = isEmpty ? ofAll : ofRuns;
  const hear = (message: LiveMessage) => {
    if (isEmpty && message.op === 'events') onFirst();
    setRunning((before) => heard(before, message));
  };
  // Another order of the same types is another subscription, and begins with a snapshot.
  const asked = round % 2 === 0 || isEmpty ? filter : { type: ofRuns.type.split(',').toReversed().join() };
  return { running, state: useLive(asked, hear) };
}
