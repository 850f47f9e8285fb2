import type { TimelineNode } from './timeline-nodes.js';

/** What happened in a run, one thing after the other. */
export interface LogLine {
  readonly node: TimelineNode;
  /** From the origin. */
  readonly atMs: number;
  readonly what: 'started' | 'ended';
}

/** By time. At the same time ends come before starts; what is above in the tree starts first and ends last. */
export function logLines(nodes: readonly TimelineNode[]): readonly LogLine[] {
  const lines: (LogLine & { readonly phase: number; readonly order: number })[] = [];
  for (const [order, node] of nodes.entries()) {
    const { offset_ms: fromMs, duration_ms: tookMs } = node;
    if (node.started_at !== null) lines.push({ node, atMs: fromMs, what: 'started', phase: 1, order });
    if (node.ended_at === null && tookMs === null) continue;
    // What took no time ends after its own start.
    const phase = (tookMs ?? 0) > 0 ? 0 : 2;
    lines.push({ node, atMs: fromMs + (tookMs ?? 0), what: 'ended', phase, order: -order });
  }
  return lines.sort((a, b) => a.atMs - b.atMs || a.phase - b.phase || a.order - b.order);
}
