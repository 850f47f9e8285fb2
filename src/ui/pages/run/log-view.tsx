import { useMemo } from 'react';
import { formatDuration } from '../../format/durations.js';
import { formatUtc } from '../../format/times.js';
import { VirtualRows } from '../../parts/virtual-rows.js';
import { type LogLine, logLines } from './log-lines.js';
import type { TimelineNode } from './timeline-nodes.js';
import type { RunView } from './use-run-view.js';
import { statusMarks, statusText, workKind, workName } from './work-look.js';

const rowHeight = 28;
const lineLook = 'flex h-full w-full items-center gap-3 border-b border-line/60 px-3 text-start text-sm';

/** What began and what ended, in the order in which it did: what was called, with what outcome, what it cost. */
export function LogView({
  nodes,
  originMs,
  view,
}: {
  readonly nodes: readonly TimelineNode[];
  readonly originMs: number;
  readonly view: RunView;
}) {
  const lines = useMemo(() => logLines(nodes), [nodes]);
  return (
    <VirtualRows label="Log" count={lines.length} rowHeight={rowHeight} className="h-full">
      {(index) => {
        const line = lines[index];
        return line === undefined ? null : (
          <Line line={line} originMs={originMs} selected={line.node.node === view.node} onSelect={view.select} />
        );
      }}
    </VirtualRows>
  );
}

function Line({
  line: { node, atMs, what },
  originMs,
  selected,
  onSelect,
}: {
  readonly line: LogLine;
  readonly originMs: number;
  readonly selected: boolean;
  readonly onSelect: (node: string) => void;
}) {
  const started = what === 'started';
  const mark = started ? statusMarks.running : statusMarks[node.status];
  const tone = started ? 'text-soft' : statusText[node.status];
  const attempt = node.attempts > 1 ? `, attempt ${node.attempt ?? 1}` : '';
  return (
    <button
      type="button"
      aria-pressed={selected}
      onClick={() => onSelect(selected ? '' : node.node)}
      className={`${lineLook} ${selected ? 'bg-accent-soft' : 'hover:bg-raised/70'}`}
    >
      <span className="tabular w-20 shrink-0 text-end text-xs text-soft" title={formatUtc(new Date(originMs + atMs))}>
        {formatDuration(atMs)}
      </span>
      <span className={`w-4 shrink-0 ${tone}`} aria-hidden="true">
        {mark}
      </span>
      <bdi className="max-w-[45%] shrink-0 truncate">{workName(node)}</bdi>
      <span className="min-w-0 flex-1 truncate text-soft">
        {started
          ? `${workKind(node)} started${attempt}`
          : `${node.status} after ${formatDuration(node.duration_ms)}${attempt}`}
        {!started && node.model !== null && <bdi>{` · ${node.model}`}</bdi>}
        {!started && node.own.tokens.total > 0 && ` · ${node.own.tokens.total} tokens`}
        {!started && node.error_preview !== null && (
          <bdi className="text-bad">{` · ${failureName(node)}: ${node.error_preview}`}</bdi>
        )}
      </span>
    </button>
  );
}

function failureName(node: TimelineNode): string {
  return node.error_code ?? node.error_category ?? 'failed';
}
