import { expect, test } from 'vitest';
import { createTemplates, type PayloadOptions } from '../../bench/payload.js';
import { unpackMessage } from '../../src/core/msgpack.js';

type Row = Readonly<Record<string, unknown>>;
const options: Omit<PayloadOptions, 'format'> = {
  agents: 50,
  eventsPerFrame: 500,
  templates: 2,
  token: 'x',
  connection: 7,
};

function eventsOf(bytes: Uint8Array, format: string): { readonly seq: number; readonly events: readonly Row[] } {
  const frame = (format === 'json' ? JSON.parse(Buffer.from(bytes).toString()) : unpackMessage(bytes)) as {
    readonly seq: number;
    readonly events?: readonly Row[];
    readonly columns?: readonly string[];
    readonly rows?: readonly (readonly unknown[])[];
  };
  const { columns, rows } = frame;
  if (columns === undefined || rows === undefined) return { seq: frame.seq, events: frame.events ?? [] };
  const toEvent = (row: readonly unknown[]): Row =>
    Object.fromEntries(columns.map((name, index) => [name, row[index]]).filter(([, value]) => value !== null));
  return { seq: frame.seq, events: rows.map(toEvent) };
}

test.each(['maps', 'positional', 'json'] as const)(
  'a %s frame that is sent again has another number, other ids and new times, and nothing else has changed',
  (format) => {
    const [template] = createTemplates({ ...options, format });
    const nowMs = 1_790_000_000_000;
    template!.patch({ seq: 5, firstEvent: 2_000, nowMs });
    const first = eventsOf(template!.bytes, format);
    template!.patch({ seq: 6, firstEvent: 2_500, nowMs: nowMs + 1_000 });
    const second = eventsOf(template!.bytes, format);

    expect(second.seq - first.seq).toBe(1);
    const ids = [...first.events, ...second.events].map(({ event_id }) => event_id);
    expect(new Set(ids).size).toBe(1_000);
    const steps = [...first.events, ...second.events].flatMap(({ step_id }) => step_id ?? []);
    expect(new Set(steps).size).toBe(steps.length);
    for (const [index, event] of second.events.entries()) {
      const before = first.events[index]!;
      expect(event.ts).toBe(nowMs + 1_000);
      expect(Number(event.ended_at) - Number(event.started_at)).toBe(
        Number(before.ended_at) - Number(before.started_at),
      );
      expect(event.parent_id).toBe(event.step_id === undefined ? event.task_id && event.run_id : event.task_id);
      const { event_id: _e, step_id: _s, task_id: _t, run_id: _r, session_id: _o, parent_id: _p, ...rest } = event;
      const { ts: _1, started_at: _2, ended_at: _3, ...same } = rest;
      expect(before).toMatchObject(same);
    }
  },
);

test('events are about the size and have about the number of fields that the budget speaks of', () => {
  const [template] = createTemplates({ ...options, format: 'maps' });
  template!.patch({ seq: 1, firstEvent: 0, nowMs: 1_790_000_000_000 });
  const { events } = eventsOf(template!.bytes, 'maps');
  const fields = events.reduce((sum, event) => sum + Object.keys(event).length, 0) / events.length;
  expect(fields).toBeGreaterThan(21);
  expect(fields).toBeLessThan(23);
  expect(template!.bytes.length / events.length).toBeGreaterThan(370);
  expect(template!.bytes.length / events.length).toBeLessThan(420);
  expect(template!.executions).toBe(events.filter(({ type }) => String(type).startsWith('task.')).length);
});
