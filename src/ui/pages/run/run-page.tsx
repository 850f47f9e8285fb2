import { useEffect, useMemo, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useAnswer } from '../../api/use-answer.js';
import { useShortcuts } from '../../keyboard/shortcuts.js';
import { AnswerView, Spinner } from '../../parts/answer-view.js';
import { Button } from '../../parts/button.js';
import { Segmented } from '../../parts/choices.js';
import { CopyButton } from '../../parts/id.js';
import { EmptyNote, ProblemNote } from '../../parts/notes.js';
import { Page } from '../../parts/page.js';
import { Status } from '../../parts/status.js';
import { Time, useNow } from '../../parts/time.js';
import { idOfAddress, links } from '../../routing/links.js';
import { FlameView } from './flame-view.js';
import { LogView } from './log-view.js';
import { NodeDetails } from './node-details.js';
import { RunActions } from './run-actions.js';
import { RunFacts } from './run-facts.js';
import { type Span, spanOf, type TimelineNode } from './timeline-nodes.js';
import { nextFailure, type TimelineTree, treeOf } from './timeline-rows.js';
import { gotoFailure, TimelineView } from './timeline-view.js';
import { type RunView, runViews, useRunView } from './use-run-view.js';
import { type LoadedTimeline, useTimeline } from './use-timeline.js';

export function RunPage() {
  useLocation();
  return <OneRun key={idOfAddress()} runId={idOfAddress()} />;
}

function OneRun({ runId }: { readonly runId: string }) {
  const loaded = useTimeline(runId);
  const root = loaded.nodes.find(({ type }) => type === 'run');
  const status = root?.status ?? loaded.timeline?.status;
  const run = useAnswer(['run', runId], (api, signal) =>
    api.GET('/api/v1/runs/{run_id}', { params: { path: { run_id: runId } }, signal }),
  );
  useOnEnd(root, run.retry);
  useOnceStored(run.problem?.status === 404, run.retry);
  useOnceStored(loaded.problem?.status === 404, loaded.retry);
  const view = useRunView();
  const nowOffsetMs = useNowOffset(loaded);
  if (run.problem?.status === 404 && run.data === undefined) return <NoSuchRun runId={runId} />;
  const tookMs = root === undefined ? (run.data?.duration_ms ?? null) : lengthOf(root, nowOffsetMs);
  return (
    <Page
      name={root?.name ?? run.data?.name ?? runId}
      title={
        <span className="flex min-w-0 flex-wrap items-center gap-x-3 gap-y-1">
          <bdi className="min-w-0">{root?.name ?? run.data?.name ?? runId}</bdi>
          {status !== undefined && <Status status={status} />}
          <span className="flex max-w-full min-w-0 items-center gap-1 text-sm font-normal text-soft">
            <bdi className="truncate font-mono">{runId}</bdi>
            <CopyButton text={runId} label="Copy id" />
          </span>
        </span>
      }
      actions={
        <RunActions
          runId={runId}
          content={
            run.data === undefined || !loaded.whole
              ? null
              : () => ({ run: run.data, timeline: { ...loaded.timeline, nodes: loaded.nodes } })
          }
        />
      }
    >
      <div className="shrink-0">
        <AnswerView answer={run}>{(data) => <RunFacts run={data} loaded={loaded} tookMs={tookMs} />}</AnswerView>
      </div>
      {loaded.problem !== undefined && loaded.problem.status !== 404 && (
        <ProblemNote problem={loaded.problem} onRetry={loaded.retry} />
      )}
      <Drawing runId={runId} loaded={loaded} view={view} nowOffsetMs={nowOffsetMs} />
    </Page>
  );
}

function Drawing({
  runId,
  loaded,
  view,
  nowOffsetMs,
}: {
  readonly runId: string;
  readonly loaded: LoadedTimeline;
  readonly view: RunView;
  readonly nowOffsetMs: number;
}) {
  const { nodes, timeline } = loaded;
  const tree = useMemo(() => treeOf(nodes), [nodes]);
  const whole = useMemo(() => wholeSpan(nodes, nowOffsetMs), [nodes, nowOffsetMs]);
  useShortcuts([
    { keys: '1', says: 'Timeline', run: () => view.show('timeline') },
    { keys: '2', says: 'Flame', run: () => view.show('flame') },
    { keys: '3', says: 'Log', run: () => view.show('log') },
    { keys: 'Escape', says: 'Close the details', run: () => view.select('') },
  ]);
  if (timeline === undefined) return loaded.loading ? <Spinner /> : null;
  const selected = nodes.find(({ node }) => node === view.node);
  const siblings = selected === undefined ? [] : attemptsOf(nodes, selected);
  return (
    <div className="flex min-h-[28rem] flex-1 flex-col overflow-hidden rounded-lg border border-line bg-panel">
      <Tools loaded={loaded} tree={tree} view={view} />
      <div className="flex min-h-0 flex-1 flex-col lg:flex-row">
        <div className="min-h-0 min-w-0 flex-1">
          {view.name === 'timeline' && <TimelineView tree={tree} view={view} whole={whole} nowOffsetMs={nowOffsetMs} />}
          {view.name === 'flame' && <FlameView tree={tree} view={view} whole={whole} nowOffsetMs={nowOffsetMs} />}
          {view.name === 'log' && <LogView nodes={nodes} originMs={Date.parse(timeline.origin)} view={view} />}
        </div>
        {selected !== undefined && <NodeDetails node={selected} siblings={siblings} runId={runId} view={view} />}
      </div>
    </div>
  );
}

function Tools({
  loaded,
  tree,
  view,
}: {
  readonly loaded: LoadedTimeline;
  readonly tree: TimelineTree;
  readonly view: RunView;
}) {
  const anyFailed = useMemo(() => nextFailure(tree, '', 1) !== null, [tree]);
  return (
    <div className="flex flex-wrap items-center justify-between gap-2 border-b border-line p-2">
      <div className="flex flex-wrap items-center gap-2">
        <Segmented
          label="View"
          choices={runViews.map((value) => ({ value, label: value[0]!.toUpperCase() + value.slice(1) }))}
          value={view.name}
          onChange={view.show}
        />
        {view.name === 'timeline' && (
          <>
            <Button onClick={() => view.foldBelow(1)}>Fold tasks</Button>
            <Button onClick={() => view.foldBelow(Number.POSITIVE_INFINITY)}>Unfold all</Button>
            {anyFailed && (
              <span className="flex gap-1">
                <Button
                  aria-label="Failure before"
                  title="Failure before: ["
                  onClick={() => gotoFailure({ tree, view, by: -1 })}
                >
                  ‹
                </Button>
                <Button title="Next failure: ]" onClick={() => gotoFailure({ tree, view, by: 1 })}>
                  Next failure ›
                </Button>
              </span>
            )}
          </>
        )}
      </div>
      <div className="flex items-center gap-4 text-xs text-soft">
        <span className="hidden items-center gap-1.5 lg:flex">
          <span className="inline-block h-3 w-6 border-b-2 border-ink bg-accent" /> on the critical path
        </span>
        {loaded.loading && <Spinner />}
        {loaded.asOf !== undefined && (
          <span>
            as of <Time at={loaded.asOf} />
          </span>
        )}
      </div>
    </div>
  );
}

function NoSuchRun({ runId }: { readonly runId: string }) {
  return (
    <Page title="There is no such run">
      <EmptyNote>
        No event of yours names the run <bdi className="font-mono">{runId}</bdi>: it may have been erased, be older than
        runs are kept, or never have been sent.{' '}
        <Link href={links.runs()} className="text-accent hover:underline">
          All runs
        </Link>
      </EmptyNote>
    </Page>
  );
}

/** What the run adds up to is asked for once more, a while after it has ended before one's eyes. */
function useOnEnd(root: TimelineNode | undefined, run: () => void): void {
  const ranBefore = useRef(false);
  const ended = root !== undefined && root.ended_at !== null;
  useEffect(() => {
    if (root !== undefined && !ended) ranBefore.current = true;
    if (!ended || !ranBefore.current) return;
    const timer = setTimeout(run, storedMs);
    return () => clearTimeout(timer);
  }, [root, ended, run]);
}

/** A run that has just begun, as the live pages link to, is not in the store yet: it is asked for some times more. */
function useOnceStored(missing: boolean, ask: () => void): void {
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    if (!missing || asked === askedMax) return;
    const timer = setTimeout(() => {
      setAsked(asked + 1);
      ask();
    }, storedMs);
    return () => clearTimeout(timer);
  }, [missing, asked, ask]);
}

const askedMax = 6;
/** What was told live is in the store by then. */
const storedMs = 2_500;
const stepMs = 1_000;

/** One now for all bars, from the origin of the run; it stands still once nothing runs. */
function useNowOffset({ timeline, nodes }: LoadedTimeline): number {
  const now = useNow(stepMs);
  const goesOn = useMemo(() => nodes.some(({ status }) => status === 'running'), [nodes]);
  const originMs = timeline === undefined ? 0 : Date.parse(timeline.origin);
  return goesOn ? Math.max(0, now - originMs) : 0;
}

/** From the first thing known to the last. */
function wholeSpan(nodes: readonly TimelineNode[], nowOffsetMs: number): Span {
  let [fromMs, toMs] = [0, 1];
  for (const node of nodes) {
    const span = spanOf(node, nowOffsetMs);
    fromMs = Math.min(fromMs, span.fromMs);
    toMs = Math.max(toMs, span.toMs);
  }
  return { fromMs, toMs };
}

function lengthOf(root: TimelineNode, nowOffsetMs: number): number | null {
  if (root.duration_ms !== null) return root.duration_ms;
  return root.status === 'running' ? nowOffsetMs - root.offset_ms : null;
}

function attemptsOf(nodes: readonly TimelineNode[], of: TimelineNode): readonly TimelineNode[] {
  if (of.type === 'run') return [of];
  return nodes.filter(
    ({ type, task_id, step_id }) => type === of.type && task_id === of.task_id && step_id === of.step_id,
  );
}
