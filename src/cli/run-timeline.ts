import type { Answer, Query } from './frame/api-client.js';
import type { Output } from './frame/output.js';
import { printable } from './frame/printable-text.js';
import { statusStyle } from './frame/status-style.js';
import { printPairs } from './frame/table.js';
import { fitted } from './frame/text-width.js';
import { count, duration, entries, pricedCost, word, zonedTime } from './frame/told-values.js';

type Run = Answer<'/api/v1/runs/{run_id}'>;
type Timeline = Answer<'/api/v1/runs/{run_id}/timeline'>;
type TimelineNode = Timeline['nodes'][number];

/** Nodes that are drawn of one run; a screen has fifty. */
const nodesMax = 2_000;
const pageNodes = 500;

/** The pages of a timeline joined, up to `nodesMax`. */
export async function readTimeline(
  read: (query: Query<'/api/v1/runs/{run_id}/timeline'>) => Promise<Timeline>,
): Promise<Timeline> {
  const first = await read({ limit: pageNodes });
  const nodes = [...first.nodes];
  let cursor = first.next_cursor;
  while (cursor !== null && nodes.length < nodesMax) {
    const page = await read({ limit: pageNodes, cursor });
    nodes.push(...page.nodes);
    cursor = page.next_cursor;
  }
  return { ...first, nodes, next_cursor: cursor };
}

export function printRun(
  { out, err }: { readonly out: Output; readonly err: Output },
  run: Run,
  timeline: Timeline,
): void {
  const { total } = run;
  printPairs(out, [
    ['run', run.name === null ? run.run_id : `${run.run_id} (${run.name})`],
    ['status', run.status],
    ['agents', run.agents.join(', ')],
    ['started', zonedTime(run.started_at)],
    ['took', `${duration(run.duration_ms)}, critical path ${duration(timeline.critical_path.duration_ms)}`],
    ['tasks', `${count(run.tasks_ended)} ended, ${count(run.tasks_failed)} failed`],
    ['steps', `${count(run.steps_ended)} ended, ${count(run.steps_failed)} failed`],
    ['tokens', `${count(total.tokens.in)} in, ${count(total.tokens.out)} out, ${count(total.llm_calls)} LLM calls`],
    ['cost', pricedCost(total)],
    ['inputs', entries(run.inputs)],
    ['outputs', entries(run.outputs)],
    ...(run.error_category === null
      ? []
      : ([['error', `${run.error_category} ${word(run.error_code)}: ${word(run.error_message)}`]] as const)),
  ]);
  if (timeline.nodes.length > 0) {
    out.line();
    printTimeline(out, timeline);
  }
  if (timeline.next_cursor !== null || timeline.truncated) {
    err.line(`${count(timeline.nodes.length)} of ${count(timeline.total_nodes)} nodes are drawn`);
  }
  if (timeline.steps_expired) err.line('its steps are past the retention of raw events');
}

/** A line a node: what it is, when it ran, how long, and what failed it. */
function printTimeline(out: Output, { nodes }: Pick<Timeline, 'nodes'>): void {
  const isCut = Number.isFinite(out.columns);
  const columns = out.columns;
  const spanMs = Math.max(1, ...nodes.map((node) => node.offset_ms + (node.duration_ms ?? 0)));
  const names = nodes.map(nameOf);
  const named = Math.max(...names.map(({ length }) => length));
  const nameColumns = isCut ? Math.min(named, Math.floor(columns * nameShare)) : named;
  const tookColumns = Math.max(...nodes.map((node) => duration(node.duration_ms).length));
  const barRoom = columns - nameColumns - statusColumns - tookColumns - 3 * 2;
  const barColumns = isCut ? Math.min(barColumnsMax, barRoom) : pipedBarColumns;
  const room = columns - nameColumns - statusColumns - tookColumns - barColumns - 4 * 2;
  const errorColumns = isCut ? room : Number.POSITIVE_INFINITY;
  nodes.forEach((node, index) => {
    const style = statusStyle(node.status);
    const status = fitted(node.status, statusColumns);
    const bar = barOf(node, { spanMs, columns: barColumns });
    const error = node.error_preview === null ? '' : `${word(node.error_code)}: ${node.error_preview}`;
    const parts = [
      node.critical
        ? out.paint('bold', fitted(names[index] ?? '', nameColumns))
        : fitted(names[index] ?? '', nameColumns),
      style === null ? status : out.paint(style, status),
      node.critical ? out.paint('cyan', bar) : out.paint('dim', bar),
      duration(node.duration_ms).padStart(tookColumns),
      ...(error !== '' && errorColumns >= errorColumnsMin
        ? [isCut ? fitted(printable(error), errorColumns) : printable(error)]
        : []),
    ];
    out.line(parts.join('  ').trimEnd());
  });
}

/** Without a terminal nothing is cut, and bars are as long as they need to be to compare. */
const pipedBarColumns = 40;
const nameShare = 0.4;
const statusColumns = 'completed'.length;
const barColumnsMax = 80;
const errorColumnsMin = 16;

/** `  search (2/3)`: the second of three attempts, below what began it. */
function nameOf(node: TimelineNode): string {
  const id = node.step_id ?? node.task_id ?? node.type;
  const attempt = node.attempts > 1 ? ` (${node.attempt ?? '?'}/${node.attempts})` : '';
  return printable(`${'  '.repeat(Math.min(node.depth, depthMax))}${node.name ?? id}${attempt}`);
}

const depthMax = 12;

/** From its start to its end on a scale of the whole run; what has not ended goes on to the right edge in dots. */
function barOf(node: TimelineNode, scale: { readonly spanMs: number; readonly columns: number }): string {
  const at = (ms: number): number => Math.floor((Math.min(ms, scale.spanMs) / scale.spanMs) * scale.columns);
  const from = Math.min(scale.columns - 1, at(node.offset_ms));
  if (node.duration_ms === null) return `${' '.repeat(from)}${'·'.repeat(scale.columns - from)}`;
  const length = Math.max(1, at(node.offset_ms + node.duration_ms) - from);
  const mark = node.critical ? '█' : '▒';
  return `${' '.repeat(from)}${mark.repeat(length)}`.padEnd(scale.columns);
}
