import { useCallback, useEffect, useRef, useState } from 'react';
import type { LiveMessage } from '../live/live-messages.js';
import { type LiveState, useLive } from '../live/use-live.js';
import {
  eventTypes,
  type FreshWork,
  noFreshWork,
  type ShownWork,
  withEvents,
  withoutShown,
  withStates,
} from './fresh-work.js';

/** Messages come up to fifty times a second; the page is drawn four times. */
const drawMs = 250;

/** Listens for runs or tasks that come and change while the list is shown; `on` false: it stays as it was. */
export function useFreshWork(
  shown: ShownWork,
  { on, asOf }: { readonly on: boolean; readonly asOf: Date | undefined },
): { readonly fresh: FreshWork; readonly state: LiveState } {
  const [fresh, setFresh] = useState<FreshWork>(noFreshWork);
  const latest = useRef({ shown, fresh });
  latest.current.shown = shown;
  const timer = useRef(0);
  const draw = useCallback(() => {
    if (timer.current !== 0) return;
    timer.current = window.setTimeout(() => {
      timer.current = 0;
      setFresh(latest.current.fresh);
    }, drawMs);
  }, []);
  useEffect(() => () => clearTimeout(timer.current), []);
  const question = JSON.stringify(shown.filter);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was heard is of the question
  useEffect(() => {
    latest.current.fresh = noFreshWork;
    setFresh(noFreshWork);
  }, [question]);
  useEffect(() => {
    if (asOf === undefined) return;
    latest.current.fresh = withoutShown(latest.current.fresh, latest.current.shown, asOf.getTime());
    setFresh(latest.current.fresh);
  }, [asOf]);
  const { agent_id = '', run_id = '' } = shown.filter;
  const filter = on ? { type: eventTypes(shown.kind), agent_id, run_id } : null;
  const state = useLive(filter, (message: LiveMessage) => {
    const known = latest.current;
    const nowMs = Date.now();
    if (message.op === 'events') known.fresh = withEvents(known.fresh, message.events, { shown: known.shown, nowMs });
    else if (message.op === 'snapshot' || message.op === 'progress')
      known.fresh = withStates(known.fresh, message.runs);
    else return;
    draw();
  });
  return { fresh, state };
}
