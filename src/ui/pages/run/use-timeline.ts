import { useCallback, useEffect, useRef, useState } from 'react';
import { retryAfterMs } from '../../api/asking-again.js';
import type { Answers } from '../../api/client.js';
import { dataOf } from '../../api/client.js';
import { type ApiProblem, asProblem } from '../../api/problem.js';
import { type Session, useSession } from '../../api/session.js';
import type { LiveMessage } from '../../live/live-messages.js';
import { useLive } from '../../live/use-live.js';
import { type WorkEvent, withEvents } from './live-nodes.js';
import type { TimelineNode } from './timeline-nodes.js';

type Timeline = Answers['Timeline'];

/** What is known of a run's timeline; `nodes` grows page by page. */
export interface LoadedTimeline {
  readonly timeline: Timeline | undefined;
  readonly nodes: readonly TimelineNode[];
  /** All nodes there are have come. */
  readonly whole: boolean;
  readonly asOf: Date | undefined;
  readonly loading: boolean;
  readonly problem: ApiProblem | undefined;
  retry(): void;
}

type State = Omit<LoadedTimeline, 'retry'>;

/** The first page is small, so that something is seen soon; what follows comes in as few as may be. */
const firstPageNodes = 500;
const nextPageNodes = 5_000;
/** What was told live is in the store by then. */
const readAgainMs = 2_500;

/** The timeline of a run, all pages of it. While the run goes on it follows the live socket, and not the store. */
export function useTimeline(runId: string): LoadedTimeline {
  const session = useSession();
  const [state, setState] = useState<State>(nothing);
  const [round, setRound] = useState(0);
  const failures = useRef(0);
  const retry = useCallback(() => setRound((before) => before + 1), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a round reads the same timeline once more
  useEffect(() => {
    const controller = new AbortController();
    let timer = 0;
    setState((before) =>
      before.timeline?.run_id === runId ? { ...before, loading: true } : { ...nothing, loading: true },
    );
    readPages(session, { runId, signal: controller.signal, show: (update) => setState(update) }).then(
      () => {
        failures.current = 0;
      },
      (error: unknown) => {
        if (controller.signal.aborted) return;
        const problem = asProblem(error);
        setState((before) => ({ ...before, loading: false, problem }));
        if (problem.status === 401) session.signOut();
        if (problem.passes) timer = window.setTimeout(retry, retryAfterMs(failures.current++));
      },
    );
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [session, runId, round, retry]);
  useFollowing({ runId, state, setState, retry });
  return { ...state, retry };
}

const nothing: State = {
  timeline: undefined,
  nodes: [],
  whole: false,
  asOf: undefined,
  loading: false,
  problem: undefined,
};

/** Shows each page as it comes the first time; a timeline that is shown already is replaced by a whole one. */
async function readPages(
  session: Session,
  of: {
    readonly runId: string;
    readonly signal: AbortSignal;
    readonly show: (update: (before: State) => State) => void;
  },
): Promise<void> {
  const { runId, signal, show } = of;
  const nodes: TimelineNode[] = [];
  let cursor: string | null = null;
  do {
    const query: { limit: number; cursor?: string } =
      cursor === null ? { limit: firstPageNodes } : { limit: nextPageNodes, cursor };
    const params = { path: { run_id: runId }, query };
    const page: Timeline = await dataOf(session.api.GET('/api/v1/runs/{run_id}/timeline', { params, signal }));
    if (signal.aborted) return;
    nodes.push(...page.nodes);
    cursor = page.next_cursor;
    const whole = cursor === null;
    const loaded: State = {
      timeline: page,
      nodes: [...nodes],
      whole,
      asOf: new Date(),
      loading: !whole,
      problem: undefined,
    };
    show((before) => (before.whole && !whole && before.timeline?.run_id === runId ? before : loaded));
  } while (cursor !== null);
}

/**
 * Until its end a run is told by the live socket; the store is asked once more when the socket has opened, after the
 * end, and when events were lost. What was told of late is told to what was read as well, which may not have it yet.
 */
function useFollowing(of: {
  readonly runId: string;
  readonly state: State;
  readonly setState: (update: (before: State) => State) => void;
  readonly retry: () => void;
}): void {
  const { runId, state, setState, retry } = of;
  const { timeline, whole } = state;
  const goesOn = timeline !== undefined && whole && timeline.ended_at === null;
  const [readFor, setReadFor] = useState(0);
  const recent = useRef<readonly RecentEvents[]>([]);
  useEffect(() => {
    if (readFor === 0) return;
    const timer = setTimeout(retry, readAgainMs);
    return () => clearTimeout(timer);
  }, [readFor, retry]);
  useEffect(() => {
    if (timeline === undefined || recent.current.length === 0) return;
    const events = recent.current.flatMap((told) => told.events);
    setState((before) => ({ ...before, nodes: withEvents(before.nodes, events, Date.parse(timeline.origin)) }));
  }, [timeline, setState]);
  useLive(goesOn ? { run_id: runId } : null, (message: LiveMessage) => {
    if (message.op === 'dropped' || message.op === 'snapshot') setReadFor(Date.now());
    if (message.op !== 'events' || timeline === undefined) return;
    const events = message.events as readonly WorkEvent[];
    if (events.some(({ type }) => /^run\.(completed|failed|cancelled)$/.test(type))) setReadFor(Date.now());
    const now = Date.now();
    recent.current = [...recent.current.filter(({ at }) => now - at < recentMs), { at: now, events }];
    const originMs = Date.parse(timeline.origin);
    setState((before) => ({ ...before, nodes: withEvents(before.nodes, events, originMs), asOf: new Date() }));
  });
}

interface RecentEvents {
  readonly at: number;
  readonly events: readonly WorkEvent[];
}

/** Longer than an event takes from the socket to the store. */
const recentMs = 15_000;
