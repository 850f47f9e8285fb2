import type { Answers } from '../../api/client.js';

export type TimelineNode = Answers['TimelineNode'];
export type Usage = Answers['Usage'];

/** Of a node on the scale of its run: milliseconds from the origin; what has not ended goes on until now. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export function spanOf(node: TimelineNode, nowOffsetMs: number): Span {
  const fromMs = node.offset_ms;
  if (node.duration_ms !== null) return { fromMs, toMs: fromMs + node.duration_ms };
  return { fromMs, toMs: node.status === 'running' ? Math.max(fromMs, nowOffsetMs) : fromMs };
}

/** Who a node is in events: its attempt is the first where none is told. */
export function workKey(of: {
  readonly type: 'run' | 'task' | 'step';
  readonly task_id?: string | null;
  readonly step_id?: string | null;
  readonly attempt?: number | null;
}): string {
  if (of.type === 'run') return 'run';
  const step = of.type === 'step' ? (of.step_id ?? null) : null;
  return JSON.stringify([of.type, of.task_id ?? null, step, of.attempt ?? 1]);
}

export const noUsage: Usage = {
  llm_calls: 0,
  tokens: { in: 0, out: 0, total: 0 },
  cost_cents: null,
  tokens_unpriced: 0,
  tokens_cache_read: 0,
  tokens_cache_write: 0,
  tokens_reasoning: 0,
};

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    llm_calls: a.llm_calls + b.llm_calls,
    tokens: {
      in: a.tokens.in + b.tokens.in,
      out: a.tokens.out + b.tokens.out,
      total: a.tokens.total + b.tokens.total,
    },
    cost_cents: a.cost_cents === null && b.cost_cents === null ? null : (a.cost_cents ?? 0) + (b.cost_cents ?? 0),
    tokens_unpriced: a.tokens_unpriced + b.tokens_unpriced,
    tokens_cache_read: a.tokens_cache_read + b.tokens_cache_read,
    tokens_cache_write: a.tokens_cache_write + b.tokens_cache_write,
    tokens_reasoning: a.tokens_reasoning + b.tokens_reasoning,
  };
}
