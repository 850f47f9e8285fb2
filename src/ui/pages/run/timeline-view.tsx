import { useEffect, useMemo, useRef, useState } from 'react';
import { formatDuration } from '../../format/durations.js';
import { useShortcuts } from '../../keyboard/shortcuts.js';
import { type RowScroller, VirtualRows } from '../../parts/virtual-rows.js';
import { type Span, spanOf, type TimelineNode } from './timeline-nodes.js';
import { keysHiding, nextFailure, outerSpans, rowsOf, type TimelineRow, type TimelineTree } from './timeline-rows.js';
import { axisMarks, placeIn } from './timeline-window.js';
import type { RunView } from './use-run-view.js';
import { barClasses, statusMarks, statusText, workKind, workName, workTone } from './work-look.js';

const rowHeight = 30;
const indentMax = 10;
const rowLook = 'h-full items-center border-b border-line/60';

/** The waterfall: a line for each piece of work, its attempts one after the other on it. */
export function TimelineView({
  tree,
  view,
  whole,
  nowOffsetMs,
}: {
  readonly tree: TimelineTree;
  readonly view: RunView;
  /** Of the run, on its own scale. */
  readonly whole: Span;
  readonly nowOffsetMs: number;
}) {
  const rows = useMemo(() => rowsOf(tree, view.folding), [tree, view.folding]);
  const spans = useMemo(() => outerSpans(tree, nowOffsetMs), [tree, nowOffsetMs]);
  const window = view.window ?? whole;
  const scroller = useRef<RowScroller>(null);
  useTimelineKeys({ tree, rows, view, scroller, window, nowOffsetMs });
  return (
    <VirtualRows
      label="Timeline"
      count={rows.length}
      rowHeight={rowHeight}
      scroller={scroller}
      className="h-full"
      header={<Axis window={window} onZoom={view.zoom} zoomed={view.window !== null} />}
    >
      {(index) => {
        const row = rows[index];
        if (row === undefined) return null;
        return (
          <Row
            row={row}
            selected={row.attempts.some(({ node }) => node === view.node)}
            window={window}
            outer={spans.get(row.node.node)}
            nowOffsetMs={nowOffsetMs}
            onSelect={view.select}
            onToggle={() => view.toggle([row.key])}
          />
        );
      }}
    </VirtualRows>
  );
}

interface RowProps {
  readonly row: TimelineRow;
  readonly selected: boolean;
  readonly window: Span;
  readonly outer: Span | undefined;
  readonly nowOffsetMs: number;
  readonly onSelect: (node: string) => void;
  readonly onToggle: () => void;
}

const columns = 'grid grid-cols-[minmax(9rem,42%)_1fr] md:grid-cols-[minmax(14rem,34%)_1fr_5.5rem]';

function Row({ row, selected, window, outer, nowOffsetMs, onSelect, onToggle }: RowProps) {
  const { node, attempts, depth, open } = row;
  const last = attempts.at(-1)!;
  const known = last.duration_ms !== null || last.status === 'running';
  const tookMs = known ? spanOf(last, nowOffsetMs).toMs - spanOf(attempts[0]!, nowOffsetMs).fromMs : null;
  return (
    <div
      data-node={node.node}
      className={`${columns} ${rowLook} ${selected ? 'bg-accent-soft' : 'hover:bg-raised/70'}`}
    >
      <div
        className="flex min-w-0 items-center gap-1 ps-2"
        style={{ paddingInlineStart: `${8 + 14 * Math.min(depth, indentMax)}px` }}
      >
        {open === null ? (
          <span className="w-5 shrink-0" />
        ) : (
          <button
            type="button"
            aria-expanded={open}
            aria-label={`${open ? 'Fold' : 'Unfold'} ${workName(node)}`}
            onClick={onToggle}
            className="w-5 shrink-0 rounded text-soft hover:bg-raised"
          >
            {open ? '▾' : '▸'}
          </button>
        )}
        <button
          type="button"
          aria-pressed={selected}
          onClick={() => onSelect(selected ? '' : node.node)}
          className="flex min-w-0 flex-1 items-center gap-1.5 text-start"
        >
          <span className={statusText[node.status]} title={node.status}>
            {statusMarks[node.status]}
            <span className="sr-only">{node.status}</span>
          </span>
          <bdi className="truncate" title={workName(node)}>
            {workName(node)}
          </bdi>
          {attempts.length > 1 && <Attempts attempts={attempts} />}
          {attempts.length === 1 && row.key.endsWith('!') && (
            <span className="shrink-0 text-xs text-soft">attempt {node.attempt ?? 1}</span>
          )}
          <span className="ms-auto hidden shrink-0 pe-2 text-xs text-soft lg:inline">{workKind(node)}</span>
        </button>
      </div>
      <div className="relative h-full min-w-0 overflow-hidden" aria-hidden="true">
        <OuterBar node={node} outer={outer} window={window} nowOffsetMs={nowOffsetMs} />
        {attempts.map((attempt) => (
          <Bar key={attempt.node} node={attempt} window={window} nowOffsetMs={nowOffsetMs} onSelect={onSelect} />
        ))}
      </div>
      <div className="tabular hidden pe-3 text-end text-xs text-soft md:block">{formatDuration(tookMs)}</div>
    </div>
  );
}

function Attempts({ attempts }: { readonly attempts: readonly TimelineNode[] }) {
  const outcomes = attempts.map(({ status }) => statusMarks[status]).join('');
  const told = attempts.map(({ status, attempt }) => `${attempt ?? 1}: ${status}`).join(', ');
  return (
    <span title={told} className="tabular shrink-0 rounded bg-raised px-1 text-xs text-soft">
      {attempts.length} attempts {attempts.length <= 5 && outcomes}
    </span>
  );
}

/** From start to end. What lies on the critical path has a line under it; it alone decides how long the run takes. */
function Bar({
  node,
  window,
  nowOffsetMs,
  onSelect,
}: {
  readonly node: TimelineNode;
  readonly window: Span;
  readonly nowOffsetMs: number;
  readonly onSelect: (node: string) => void;
}) {
  const place = placeIn(window, spanOf(node, nowOffsetMs));
  if (place === null) return null;
  const look = `${barClasses[workTone(node)]} ${node.critical ? '' : 'opacity-60'}`;
  const goesOn = node.duration_ms === null && node.status === 'running';
  const position = { left: `${place.left}%`, width: `max(3px, ${place.width}%)` };
  return (
    // The name beside it is the button that the keyboard and readers of the screen have.
    // biome-ignore lint/a11y/noStaticElementInteractions: see above
    // biome-ignore lint/a11y/useKeyWithClickEvents: see above
    <div
      className={`absolute cursor-pointer ${node.type === 'step' ? 'inset-y-1.5' : 'inset-y-2.5'}`}
      style={position}
      onClick={() => onSelect(node.node)}
    >
      <div
        className={`h-full rounded-sm ${look} ${goesOn ? 'animate-pulse rounded-e-none' : ''}`}
        title={`${workName(node)}: ${formatDuration(node.duration_ms)}`}
      />
      {node.critical && <div className="absolute inset-x-0 -bottom-0.5 h-0.5 bg-ink" />}
    </div>
  );
}

/** Where what is below a node goes beyond it. */
function OuterBar({
  node,
  outer,
  window,
  nowOffsetMs,
}: Pick<RowProps, 'outer' | 'window' | 'nowOffsetMs'> & { readonly node: TimelineNode }) {
  const own = spanOf(node, nowOffsetMs);
  if (outer === undefined || (outer.fromMs >= own.fromMs && outer.toMs <= own.toMs)) return null;
  const place = placeIn(window, outer);
  if (place === null) return null;
  return (
    <div
      className="absolute top-2.5 bottom-2.5 rounded-sm border border-dashed border-soft"
      style={{ left: `${place.left}%`, width: `max(2px, ${place.width}%)` }}
    />
  );
}

/** Times from the start of the run. Drawing over it with the pointer zooms. */
function Axis({
  window,
  onZoom,
  zoomed,
}: {
  readonly window: Span;
  readonly onZoom: (window: Span | null) => void;
  readonly zoomed: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [drawn, setDrawn] = useState<Span | null>(null);
  const marks = axisMarks(window, 6);
  const timeAt = (clientX: number): number => {
    const { left, width } = box.current!.getBoundingClientRect();
    const ratio = Math.min(1, Math.max(0, (clientX - left) / width));
    return window.fromMs + ratio * (window.toMs - window.fromMs);
  };
  const place = drawn === null ? null : placeIn(window, ordered(drawn));
  return (
    <div className={`${columns} sticky top-0 z-10 h-8 items-center border-b border-line bg-panel text-xs text-soft`}>
      <div className="flex items-center gap-2 ps-3">
        <span>Work</span>
        {zoomed && (
          <button type="button" className="rounded px-1 text-accent hover:bg-raised" onClick={() => onZoom(null)}>
            Show all of it
          </button>
        )}
      </div>
      <div
        ref={box}
        className="relative h-full cursor-col-resize touch-none overflow-hidden select-none"
        title="Draw over the axis to zoom"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          const at = timeAt(event.clientX);
          setDrawn({ fromMs: at, toMs: at });
        }}
        onPointerMove={(event) => {
          const toMs = timeAt(event.clientX);
          setDrawn((before) => (before === null ? null : { ...before, toMs }));
        }}
        onPointerUp={() => {
          const span = drawn === null ? null : ordered(drawn);
          setDrawn(null);
          if (span !== null && span.toMs - span.fromMs > (window.toMs - window.fromMs) / 100) onZoom(span);
        }}
      >
        {marks.map((mark) => (
          <Mark key={mark} at={mark} window={window} />
        ))}
        {place !== null && (
          <div
            className="absolute inset-y-0 bg-accent/20"
            style={{ left: `${place.left}%`, width: `${place.width}%` }}
          />
        )}
      </div>
      <div className="hidden pe-3 text-end md:block">Took</div>
    </div>
  );
}

function Mark({ at, window }: { readonly at: number; readonly window: Span }) {
  const place = placeIn(window, { fromMs: at, toMs: at });
  if (place === null || place.left > 97) return null;
  return (
    <span
      className="tabular absolute inset-y-0 flex items-center border-s border-line ps-1"
      style={{ left: `${place.left}%` }}
    >
      {at === 0 ? '0' : formatDuration(at)}
    </span>
  );
}

function ordered({ fromMs, toMs }: Span): Span {
  return fromMs <= toMs ? { fromMs, toMs } : { fromMs: toMs, toMs: fromMs };
}

/** Up and down, open and close, from failure to failure; what is chosen is scrolled to. */
function useTimelineKeys(of: {
  readonly tree: TimelineTree;
  readonly rows: readonly TimelineRow[];
  readonly view: RunView;
  readonly scroller: { readonly current: RowScroller | null };
  readonly window: Span;
  readonly nowOffsetMs: number;
}): void {
  const { tree, rows, view, scroller, nowOffsetMs } = of;
  const at = rows.findIndex(({ attempts }) => attempts.some(({ node }) => node === view.node));
  const step = (by: number): void => {
    const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    if (next !== undefined) view.select(next.node.node);
  };
  const fold = (open: boolean): void => {
    const row = rows[at];
    if (row?.open === !open) view.toggle([row.key]);
  };
  const zoomTo = (): void => {
    const row = rows[at];
    if (row === undefined) return;
    const spans = row.attempts.map((attempt) => spanOf(attempt, nowOffsetMs));
    const fromMs = Math.min(...spans.map((span) => span.fromMs));
    const toMs = Math.max(...spans.map((span) => span.toMs));
    const margin = Math.max(0.5, (toMs - fromMs) * 0.05);
    view.zoom({ fromMs: fromMs - margin, toMs: toMs + margin });
  };
  useShortcuts([
    { keys: 'j', says: 'Next line', run: () => step(1) },
    { keys: 'k', says: 'Line before', run: () => step(-1) },
    { keys: 'l', says: 'Unfold the line', run: () => fold(true) },
    { keys: 'h', says: 'Fold the line', run: () => fold(false) },
    { keys: 'z', says: 'Zoom to the line', run: zoomTo },
    { keys: '0', says: 'Show all of the time', run: () => view.zoom(null) },
    { keys: ']', says: 'Next failure', run: () => gotoFailure({ tree, view, by: 1 }) },
    { keys: '[', says: 'Failure before', run: () => gotoFailure({ tree, view, by: -1 }) },
  ]);
  const latest = useRef(rows);
  latest.current = rows;
  useEffect(() => {
    if (view.node === '' || at < 0) return;
    scroller.current?.scrollToIndex(at, { align: 'auto' });
  }, [view.node, at, scroller]);
}

/** Selects the failure after or before the selected node in the order of the drawing, and opens the way to it. */
export function gotoFailure({
  tree,
  view,
  by,
}: {
  readonly tree: TimelineTree;
  readonly view: RunView;
  readonly by: 1 | -1;
}): void {
  const failure = nextFailure(tree, view.node, by);
  if (failure === null) return;
  const hiding = keysHiding(tree, view.folding, failure.node);
  if (hiding.length > 0) view.toggle(hiding);
  view.select(failure.node);
}
