import { expect, test } from 'vitest';
import { type KeyLimits, noKeyLimits } from '../../../src/core/key-limits.js';
import { type Connection, createIngestOver } from '../../support/ingest-rig.js';
import { createBudgets } from '../../support/key-budgets.js';
import { ScriptedAppender } from '../../support/scripted-appender.js';
import { settle } from '../../support/spool-rig.js';

const dayMs = 86_400_000;

function limited(limits: Partial<KeyLimits>) {
  const { budgets, clock, held } = createBudgets();
  const rig = createIngestOver(new ScriptedAppender(), { clock, budgets });
  const principal = { keyName: 'k', limits: { ...noKeyLimits, ...limits } };
  return {
    ...rig,
    budgets,
    clock,
    held,
    principal,
    join: (producer: string) => rig.connect('acme', producer, principal),
  };
}

/** Sends frames as long as it has credit, as a client that keeps the protocol does. */
class Sender {
  readonly #connection: Connection;
  readonly #events: number;
  #seq = 0;

  constructor(connection: Connection, events: number) {
    this.#connection = connection;
    this.#events = events;
  }

  get acknowledgedEvents(): number {
    return this.#connection.acked * this.#events;
  }

  pump(): void {
    while (this.#connection.closeCode === null && this.#seq - this.#connection.acked < (this.#connection.credit ?? 0)) {
      this.#seq += 1;
      const name = `${this.#seq}`;
      this.#connection.frame(this.#seq, ...Array.from({ length: this.#events }, () => ({ name })));
    }
  }
}

async function pass(senders: readonly Sender[], clock: { advance(ms: number): void }, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    for (const sender of senders) sender.pump();
    await settle();
    clock.advance(50);
  }
  await settle();
}

test('a client that keeps to its credit sends at the rate of its key after the burst, and loses nothing', async () => {
  const { join, clock, held, totals } = limited({ eventsPerSecond: 100 });
  const connection = join('p');
  const sender = new Sender(connection, 10);
  await pass([sender], clock, 1_000);
  const burst = sender.acknowledgedEvents;
  expect(burst).toBeGreaterThanOrEqual(1_000);
  expect(burst).toBeLessThan(1_500);
  await pass([sender], clock, 60_000);
  expect(Math.abs(sender.acknowledgedEvents - (1_000 + 61 * 100))).toBeLessThan(100);
  expect(connection.closeCode).toBeNull();
  expect([connection.answers.some((answer) => answer.startsWith('error')), totals.closed]).toEqual([false, []]);
  expect(held).toContain('acme/k eventsPerSecond');
});

test('the connections of a key share its rate, and each has its turn', async () => {
  const { join, clock } = limited({ eventsPerSecond: 200 });
  const senders = Array.from({ length: 20 }, (_, index) => new Sender(join(`p${index}`), 5));
  await pass(senders, clock, 100_000);
  const each = senders.map(({ acknowledgedEvents }) => acknowledgedEvents);
  const all = each.reduce((sum, events) => sum + events, 0);
  expect(Math.abs(all - (2_000 + 100 * 200))).toBeLessThan(400);
  expect(Math.max(...each)).toBeLessThan(2 * Math.min(...each));
});

test('a frame that is larger than the burst is taken once what it has is paid off', async () => {
  const { join, clock } = limited({ eventsPerSecond: 1 });
  const connection = join('p');
  const sender = new Sender(connection, 100);
  await pass([sender], clock, 1_000);
  expect([sender.acknowledgedEvents, connection.credit]).toEqual([100, 0]);
  await pass([sender], clock, 80_000);
  expect([sender.acknowledgedEvents, connection.credit]).toEqual([100, 0]);
  await pass([sender], clock, 40_000);
  expect(sender.acknowledgedEvents).toBe(200);
});

test('bytes are held to their rate the same way', async () => {
  const { join, clock, held, totals } = limited({ bytesPerSecond: 1_000 });
  const sender = new Sender(join('p'), 20);
  await pass([sender], clock, 100_000);
  expect(totals.frameBytes).toBeGreaterThan(100_000);
  expect(totals.frameBytes).toBeLessThan(115_000);
  expect(new Set(held)).toEqual(new Set(['acme/k bytesPerSecond']));
});

test('a client that sends on without credit is closed with credit_overrun, and so is the next connection', async () => {
  const { join, totals } = limited({ eventsPerSecond: 1 });
  const connection = join('p');
  let sent = 0;
  while (connection.closeCode === null && sent < 500) {
    connection.frame(null, { name: 'a' }, { name: 'b' });
    sent += 1;
    await settle();
  }
  expect([connection.closeCode, connection.answers.at(-1)]).toEqual([4429, 'error credit_overrun']);
  // The burst, what could be on its way when credit 0 was told, and not one more.
  expect(sent).toBeLessThanOrEqual(5 + 64 + 1);
  const next = join('p');
  expect(next.credit).toBe(0);
  next.frame(null, { name: 'c' });
  await settle();
  expect([next.closeCode, totals.closed]).toEqual([4429, ['credit_overrun', 'credit_overrun']]);
});

test('a daily quota that is spent ends the connection by name, until the next day', async () => {
  const { join, clock, appender, held } = limited({ eventsPerDay: 3 });
  const connection = join('p');
  connection.frame(1, { name: 'a' }, { name: 'b' });
  await settle();
  connection.frame(2, { name: 'c' }, { name: 'd' });
  await settle();
  expect(connection.answers).toEqual(['ack 1', 'ack 2']);
  connection.frame(3, { name: 'e' });
  await settle();
  expect([connection.answers.at(-1), connection.closeCode]).toEqual(['error event_quota_spent', 4429]);
  const secondsLeft = (dayMs - (clock.nowMs() % dayMs)) / 1_000;
  expect(connection.received.at(-1)).toMatchObject({ op: 'error', retry_after: secondsLeft });
  const again = join('p');
  expect(again.received).toEqual([expect.objectContaining({ code: 'event_quota_spent', retry_after: secondsLeft })]);
  expect(again.closeCode).toBe(4429);
  expect(held).toContain('acme/k eventsPerDay');
  clock.advance(secondsLeft * 1_000);
  const tomorrow = join('p');
  tomorrow.frame(3, { name: 'e' });
  await settle();
  expect(tomorrow.answers).toEqual(['ack 3']);
  expect(appender.durable.join('')).toContain('acme:e;');
});

test('a repetition costs neither rate nor quota', async () => {
  const { join, budgets, principal } = limited({ eventsPerDay: 3 });
  const [connection, budget] = [
    join('p'),
    budgets.of({ tenant: 'acme', scopes: new Set(), contentAllowed: false, ...principal }),
  ];
  connection.frame(1, { name: 'a' });
  connection.frame(2, { name: 'b', event_id: 'one' });
  await settle();
  connection.frame(1, { name: 'a' });
  connection.frame(3, { name: 'b', event_id: 'one' });
  await settle();
  expect([connection.acked, budget.day.count()]).toEqual([3, 2]);
});

test('limits that change count for connections that are open', async () => {
  const { join, clock, budgets, principal } = limited({});
  const connection = join('p');
  const sender = new Sender(connection, 10);
  const caller = { tenant: 'acme', scopes: new Set(['ingest'] as const), contentAllowed: false, keyName: 'k' };
  await pass([sender], clock, 500);
  const free = sender.acknowledgedEvents;
  expect(connection.credit).toBe(64);
  budgets.update([{ ...caller, limits: { ...noKeyLimits, eventsPerSecond: 10 } }]);
  await pass([sender], clock, 20_000);
  // What was on its way, the burst, and twenty seconds.
  expect(sender.acknowledgedEvents - free).toBeLessThan(64 * 10 + 100 + 200 + 20);
  expect(connection.credit).toBe(0);
  budgets.update([{ ...caller, ...principal }]);
  await pass([sender], clock, 500);
  expect([connection.credit, connection.closeCode]).toEqual([64, null]);
});

test('connections that wait are all let go at once when the limit of their key is lifted', async () => {
  const { join, clock, budgets } = limited({ eventsPerSecond: 1 });
  const connections = Array.from({ length: 5 }, (_, index) => join(`p${index}`));
  await pass(
    connections.map((connection) => new Sender(connection, 20)),
    clock,
    500,
  );
  expect(connections.map(({ credit }) => credit)).toEqual([0, 0, 0, 0, 0]);
  budgets.update([{ tenant: 'acme', scopes: new Set(), contentAllowed: false, keyName: 'k', limits: noKeyLimits }]);
  expect(connections.map(({ credit }) => credit)).toEqual([64, 64, 64, 64, 64]);
});
