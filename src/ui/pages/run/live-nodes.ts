import type { LiveEvent } from '../../live/live-messages.js';
import { addUsage, noUsage, type TimelineNode, type Usage, workKey } from './timeline-nodes.js';

/** Fields of a live event that a timeline shows, beside those every reader of the live socket knows. */
export interface WorkEvent extends LiveEvent {
  readonly parent_id?: string;
  readonly step_kind?: string;
  readonly provider?: string;
  readonly finish_reason?: string;
  readonly llm_calls?: number;
  readonly tokens_in?: number;
  readonly tokens_out?: number;
  readonly cost_micros?: number;
  readonly usage_scope?: string;
}

const states = {
  pending: 'pending',
  running: 'running',
  started: 'running',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
} as const;

/**
 * The nodes of a run with what just happened in it: work that begins is put in, work that ends gets its end. What the
 * store alone knows (totals of what was rolled up, the critical path) comes with the next reading. The same events once
 * more change nothing.
 */
export function withEvents(
  nodes: readonly TimelineNode[],
  events: readonly WorkEvent[],
  originMs: number,
): readonly TimelineNode[] {
  const result = [...nodes];
  const places = new Map(result.map((node, index) => [workKey(node), index]));
  for (const event of events) {
    const [type, action] = event.type.split('.') as [string, string];
    const status = states[action as keyof typeof states];
    if ((type !== 'run' && type !== 'task' && type !== 'step') || status === undefined) continue;
    const key = workKey({ ...event, type });
    if (!places.has(key)) {
      if (type === 'run') continue;
      places.set(key, result.length);
      result.push(begun({ event, type, places, nodes: result }));
    }
    const place = places.get(key)!;
    const before = result[place]!;
    result[place] = changed(before, { event, status, originMs });
    // Told once more, an end is the same end: what it used is in the sums already.
    if (before.ended_at === null && result[place].ended_at !== null) addUse(result, place, usageOf(event));
  }
  return result;
}

interface Change {
  readonly event: WorkEvent;
  readonly status: TimelineNode['status'];
  readonly originMs: number;
}

/** A start after an end changes nothing but what it tells: an outcome never goes back. */
function changed(node: TimelineNode, { event, status, originMs }: Change): TimelineNode {
  const atMs = Date.parse(event.ts ?? event.received);
  const hasEnded = node.ended_at !== null;
  const ends = status !== 'running' && status !== 'pending';
  const told = {
    name: event.name ?? node.name,
    model: event.model ?? node.model,
    provider: event.provider ?? node.provider,
    finish_reason: event.finish_reason ?? node.finish_reason,
  };
  if (hasEnded) return { ...node, ...told };
  if (!ends) {
    const since = node.started_at === null ? { started_at: instant(atMs), offset_ms: atMs - originMs } : {};
    return { ...node, ...told, ...since, status };
  }
  const startMs = node.started_at === null ? atMs - (event.duration_ms ?? 0) : Date.parse(node.started_at);
  return {
    ...node,
    ...told,
    status,
    started_at: instant(startMs),
    offset_ms: startMs - originMs,
    ended_at: instant(atMs),
    duration_ms: event.duration_ms ?? Math.max(0, atMs - startMs),
    error_category: event.error_category ?? node.error_category,
    error_code: event.error_code ?? node.error_code,
    error_preview: event.error_message ?? node.error_preview,
  };
}

function begun(of: {
  readonly event: WorkEvent;
  readonly type: 'task' | 'step';
  readonly places: ReadonlyMap<string, number>;
  readonly nodes: readonly TimelineNode[];
}): TimelineNode {
  const { event, type, places, nodes } = of;
  const parent = parentOf(of);
  const attempt = event.attempt ?? null;
  return {
    node: workKey({ ...event, type }),
    parent: parent?.node ?? null,
    depth: (parent?.depth ?? 0) + 1,
    type,
    task_id: event.task_id ?? null,
    step_id: type === 'step' ? (event.step_id ?? null) : null,
    parent_id: event.parent_id ?? null,
    attempt,
    attempts: places.has(workKey({ ...event, type, attempt: (attempt ?? 1) - 1 })) ? (attempt ?? 1) : 1,
    name: event.name ?? firstAttempt(of)?.name ?? null,
    kind: event.step_kind ?? firstAttempt(of)?.kind ?? null,
    agent_id: event.agent_id,
    environment: event.environment ?? nodes[0]?.environment ?? null,
    model: event.model ?? null,
    provider: event.provider ?? null,
    args_hash: null,
    finish_reason: null,
    status: 'pending',
    started_at: null,
    ended_at: null,
    offset_ms: 0,
    duration_ms: null,
    own: noUsage,
    total: noUsage,
    rolled_up: null,
    critical: false,
    critical_ms: null,
    error_category: null,
    error_code: null,
    error_preview: null,
  };
}

interface Place {
  readonly event: WorkEvent;
  readonly type: 'task' | 'step';
  readonly places: ReadonlyMap<string, number>;
  readonly nodes: readonly TimelineNode[];
}

function firstAttempt({ event, type, places, nodes }: Place): TimelineNode | undefined {
  const place = places.get(workKey({ ...event, type, attempt: 1 }));
  return place === undefined ? undefined : nodes[place];
}

/** Under the step or task it names, else the task it is of, else the run. */
function parentOf({ event, type, places, nodes }: Place): TimelineNode | undefined {
  const { task_id = null, parent_id: above } = event;
  const candidates = [
    ...(above === undefined ? [] : [workKey({ type: 'step', task_id, step_id: above })]),
    ...(above === undefined ? [] : [workKey({ type: 'task', task_id: above })]),
    ...(type === 'step' && task_id !== null ? [workKey({ type: 'task', task_id })] : []),
    'run',
  ];
  const place = candidates.map((key) => places.get(key)).find((found) => found !== undefined);
  return place === undefined ? undefined : nodes[place];
}

/** An end adds what it used to its own and to all that it is part of. */
function addUse(nodes: TimelineNode[], place: number, usage: Usage): void {
  if (usage === noUsage) return;
  const index = new Map(nodes.map((node, at) => [node.node, at]));
  nodes[place] = { ...nodes[place]!, own: addUsage(nodes[place]!.own, usage) };
  for (let at: number | undefined = place; at !== undefined; ) {
    const node: TimelineNode = nodes[at]!;
    nodes[at] = { ...node, total: addUsage(node.total, usage) };
    at = node.parent === null ? undefined : index.get(node.parent);
  }
}

/** What is rolled up is the sum of what is below, and never added to it. */
function usageOf(event: WorkEvent): Usage {
  const { llm_calls = 0, tokens_in = 0, tokens_out = 0, cost_micros } = event;
  if (event.usage_scope === 'rolled_up') return noUsage;
  if (llm_calls + tokens_in + tokens_out === 0 && cost_micros === undefined) return noUsage;
  return {
    ...noUsage,
    llm_calls,
    tokens: { in: tokens_in, out: tokens_out, total: tokens_in + tokens_out },
    cost_cents: cost_micros === undefined ? null : cost_micros / 10_000,
    tokens_unpriced: cost_micros === undefined ? tokens_in + tokens_out : 0,
  };
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
