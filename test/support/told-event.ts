import type { RawRow } from '../api/api-store.js';
import { randomInteger } from './seeded-random.js';

const texts = ['parent_id', 'name', 'environment', 'model', 'provider', 'finish_reason', 'error_code', 'error_message'];
const counts = ['llm_calls', 'tokens_in', 'tokens_out', 'tokens_cache_read', 'tokens_cache_write', 'tokens_reasoning'];
const kinds = {
  run: ['started', 'completed', 'failed', 'cancelled'],
  task: ['pending', 'running', 'completed', 'failed', 'cancelled'],
  step: ['started', 'completed', 'failed'],
} as const;

/** An event that tells some of everything there is, of one of a few tasks and steps of a run, or of the run itself. */
export function toldEvent(
  random: () => number,
  { run, tsMs }: { readonly run: string; readonly tsMs: number },
): RawRow {
  const between = (least: number, most: number) => randomInteger(random, { min: least, max: most });
  const kind = (['run', 'task', 'step', 'step'] as const)[between(0, 3)]!;
  const states = kinds[kind];
  const state = states[between(0, states.length - 1)]!;
  const fields: Record<string, unknown> = {
    type: `${kind}.${state}`,
    tenant: 'default',
    agent_id: `agent ${between(1, 3)}`,
    run_id: run,
    ...(kind === 'run' ? {} : { task_id: ['', 'a', '\u{1f600}', '\uff5e'][between(0, 3)] }),
    ...(kind === 'step' ? { step_id: `s${between(1, 3)}` } : {}),
    ts: tsMs,
    received: tsMs - (tsMs % 86_400_000) + 43_260_000 + between(0, 3),
    attempt: between(0, 3),
    usage_scope: between(0, 1) === 1 ? 'own' : 'rolled_up',
  };
  const maybe = (name: string, value: unknown) => {
    if (between(0, 2) === 0) fields[name] = value;
  };
  for (const name of texts) maybe(name, `${name} ${between(1, 9)} é`);
  for (const name of counts) maybe(name, between(0, 9));
  for (const name of ['inputs', 'outputs', 'labels']) {
    maybe(name, { [`k${between(1, 4)}`]: `${tsMs}`, [`k${between(5, 9)}`]: 'x' });
  }
  maybe('duration_ms', between(0, 9_000) / 2);
  maybe('confidence', between(0, 4) / 4);
  maybe('cost_micros', between(0, 9_000));
  if (fields.cost_micros !== undefined) fields.cost_source = between(0, 1) === 1 ? 'reported' : 'priced';
  maybe('started_at', tsMs + between(-5_000, 20_000));
  maybe('ended_at', tsMs + between(0, 30_000));
  maybe('step_kind', ['llm', 'tool'][between(0, 1)]);
  maybe('args_hash', between(1, 99_999));
  if (state === 'failed') fields.error_category = ['tool', 'model'][between(0, 1)];
  return fields as RawRow;
}
