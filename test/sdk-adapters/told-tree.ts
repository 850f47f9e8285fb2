import { expect } from 'vitest';
import type { Told, ToldEvent } from './framework.js';
import type { Dealt } from './programs/told.js';

const idOf = (event: ToldEvent) => event.step_id ?? event.task_id ?? event.run_id;

/** `task.running answer in support` for each beginning, in the order of telling, and `in -` for what has no parent. */
export function treeOf({ events }: Told): string[] {
  const names = new Map(events.map((event) => [idOf(event), event.name]));
  const begun = events.filter(({ type }) => /^(run\.started|task\.running|step\.started)$/.test(String(type)));
  return begun.map(({ type, name, attempt, parent_id }) => {
    const again = Number(attempt ?? 1) > 1 ? `#${attempt}` : '';
    return `${type} ${name}${again} in ${names.get(parent_id) ?? '-'}`;
  });
}

/** `step.failed look_up tool Error` for each end that is no success. */
export function failuresOf({ events }: Told): string[] {
  const failed = events.filter(({ type }) => /\.(failed|cancelled)$/.test(String(type)));
  return failed.map(({ type, name, error_category, error_code }) =>
    [type, name, error_category, error_code].filter((part) => part !== undefined).join(' '),
  );
}

export function endsOf({ events }: Told, kind: string): ToldEvent[] {
  return events.filter(({ type, step_kind }) => /^step\.(completed|failed)$/.test(String(type)) && step_kind === kind);
}

/** The events of each run. */
export function runsOf({ events }: Told): readonly (readonly ToldEvent[])[] {
  const ids = new Set(events.map(({ run_id }) => run_id));
  return [...ids].map((id) => events.filter(({ run_id }) => run_id === id));
}

/** What the collector is to say of a run: the sums of what was dealt out. */
export function totalOf({ dealt }: Told) {
  const sum = (name: keyof Dealt, otherwise = 0): number =>
    dealt.reduce((total, numbers) => total + (numbers[name] ?? otherwise), 0);
  return {
    llm_calls: sum('llm_calls', 1),
    tokens: { in: sum('tokens_in'), out: sum('tokens_out') },
    tokens_cache_read: sum('tokens_cache_read'),
    tokens_reasoning: sum('tokens_reasoning'),
  };
}

/** Every beginning has one end, every number is one that was dealt out, and the collector has taken every event. */
export function expectWhole(told: Told): void {
  const begun = told.events.filter(({ type }) => /\.(started|running)$/.test(String(type)));
  const ended = told.events.filter(({ type }) => /\.(completed|failed|cancelled)$/.test(String(type)));
  const places = (events: readonly ToldEvent[]) => events.map((event) => `${idOf(event)}#${event.attempt}`).sort();
  expect(places(ended)).toEqual(places(begun));
  const used = told.events.filter(({ llm_calls }) => llm_calls !== undefined);
  expect(used.every(({ type }) => type === 'step.completed')).toBe(true);
  expect(used).toEqual(told.dealt.map((numbers) => expect.objectContaining({ llm_calls: 1, ...numbers })));
  expect(told.flushed).toMatchObject({ acked: told.events.length, rejected: 0, dropped: 0 });
  expect(told.problems).toEqual([]);
  expect(JSON.stringify(told.events)).not.toContain('secret');
}
