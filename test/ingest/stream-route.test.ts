import { expect, test } from 'vitest';
import { FakeClock } from '../support/fake-clock.js';
import { createIngest, createIngestOver } from '../support/ingest-rig.js';
import { ScriptedAppender } from '../support/scripted-appender.js';
import { settle } from '../support/spool-rig.js';

const event = (name: string) => ({ name });

test('a new connection closes the one before it, not those of another tenant or producer', async () => {
  const rig = createIngest();
  const [mine, theirs, other] = [rig.connect('acme', 'p'), rig.connect('globex', 'p'), rig.connect('acme', 'q')];
  const next = rig.connect('acme', 'p');
  await settle();
  expect([mine.answers, mine.closeCode]).toEqual([['error producer_replaced'], 4409]);
  expect([theirs, other, next].map(({ closeCode }) => closeCode)).toEqual([null, null, null]);
  for (const connection of [theirs, other, next]) connection.frame(1, event('kept'));
  await settle();
  expect([theirs, other, next].map(({ answers }) => answers)).toEqual([['ack 1'], ['ack 1'], ['ack 1']]);
  expect(rig.appender.durable).toEqual(['globex:kept;', 'acme:kept;', 'acme:kept;']);
  expect(rig.totals.closed).toEqual(['producer_replaced']);
});

test('the connection that replaces another is greeted when the frames of the other are settled', async () => {
  const rig = createIngest();
  rig.appender.holds = true;
  const before = rig.connect('acme', 'p');
  before.frame(1, event('a'));
  await settle();
  const after = rig.connect('acme', 'p');
  await settle();
  expect([before.closeCode, after.lastSeq]).toEqual([4409, undefined]);
  rig.appender.sync();
  await settle();
  expect(after.lastSeq).toBe(1);
  after.frame(2, event('b'));
  await settle();
  rig.appender.sync();
  await settle();
  expect(after.answers).toEqual(['ack 2']);
  expect(rig.appender.durable).toEqual(['acme:a;', 'acme:b;']);
});

test('what follows a replaced connection is told the position that is left when its frames are lost', async () => {
  const rig = createIngest();
  const before = rig.connect('acme', 'p');
  before.frame(1, event('a'));
  await settle();
  rig.appender.holds = true;
  before.frame(2, event('b'));
  await settle();
  const after = rig.connect('acme', 'p');
  await settle();
  rig.appender.fail();
  await settle();
  expect([after.lastSeq, rig.appender.durable]).toEqual([1, ['acme:a;']]);
});

test('of many connections of a producer the last is greeted, when all before it are settled', async () => {
  const rig = createIngest();
  rig.appender.holds = true;
  const first = rig.connect('acme', 'p');
  first.frame(1, event('a'));
  await settle();
  const replaced = [rig.connect('acme', 'p'), rig.connect('acme', 'p'), rig.connect('acme', 'p')];
  const last = rig.connect('acme', 'p');
  await settle();
  expect([first, ...replaced].map(({ closeCode }) => closeCode)).toEqual([4409, 4409, 4409, 4409]);
  expect([last.closeCode, last.lastSeq]).toEqual([null, undefined]);
  rig.appender.sync();
  await settle();
  expect(replaced.map(({ lastSeq }) => lastSeq)).toEqual([undefined, undefined, undefined]);
  expect(last.lastSeq).toBe(1);
});

test('a connection that goes before it is greeted leaves its wait to the next one', async () => {
  const rig = createIngest();
  rig.appender.holds = true;
  const first = rig.connect('acme', 'p');
  first.frame(1, event('a'));
  await settle();
  const second = rig.connect('acme', 'p');
  second.close(1006);
  await settle();
  const third = rig.connect('acme', 'p');
  await settle();
  expect([second.lastSeq, third.lastSeq]).toEqual([undefined, undefined]);
  rig.appender.fail();
  await settle();
  expect(third.lastSeq).toBe(0);
});

test('nothing is read from a connection once another has taken its place', async () => {
  const rig = createIngest();
  rig.appender.holds = true;
  const before = rig.connect('acme', 'p');
  before.frame(1, event('a'));
  await settle();
  rig.connect('acme', 'p');
  before.lateFrame(2, event('b'));
  await settle();
  rig.appender.sync();
  await settle();
  expect(rig.appender.durable).toEqual(['acme:a;']);
  expect(rig.appender.lastSeq('acme', 'p')).toBe(1);
});

test('a frame that goes back to a skipped number is refused by name and not taken for a repetition', async () => {
  const rig = createIngest();
  const connection = rig.connect('acme', 'p');
  connection.frame(2, event('b'));
  await settle();
  connection.frame(2, event('b'));
  await settle();
  expect(connection.answers).toEqual(['ack 2', 'ack 2']);
  connection.frame(1, event('a'));
  await settle();
  expect([connection.answers.at(-1), connection.closeCode]).toEqual(['error seq_regressed', 4422]);
  expect(rig.appender.durable).toEqual(['acme:b;']);
});

test('frames with and without numbers are not mixed on a connection', async () => {
  const rig = createIngest();
  const [numbered, plain] = [rig.connect('acme', 'p'), rig.connect('acme', 'q')];
  numbered.frame(1, event('a'));
  plain.frame(null, event('b'));
  plain.frame(null, event('c'));
  await settle();
  numbered.frame(null, event('lost'));
  plain.frame(3, event('lost'));
  await settle();
  expect(numbered.answers).toEqual(['ack 1', 'error seq_missing']);
  expect(plain.answers).toEqual(['ack 2', 'error seq_missing']);
  expect([numbered, plain].map(({ received }) => received.at(-1))).toMatchObject([
    { message: 'a frame without seq follows numbered ones' },
    { message: 'a frame with seq follows ones without' },
  ]);
  expect(rig.appender.durable).toEqual(['acme:a;', 'acme:b;', 'acme:c;']);
});

test('connections that open together share what may be under way, and have more once frames are small', async () => {
  const rig = createIngest({ bytesInFlightMax: 16 * 65_536, frameBytesMax: 65_536 });
  const connections = Array.from({ length: 8 }, (_, index) => rig.connect('acme', `p${index}`));
  const credits = () => connections.map(({ received }) => received.findLast(({ op }) => op !== 'ack')?.credit ?? 0);
  // Each step is told to those that were greeted before, too.
  expect(connections[0]!.received.map(({ op, credit }) => [op, credit])).toEqual([
    ['hello', 16],
    ['credit', 8],
    ['credit', 4],
    ['credit', 2],
  ]);
  // Sixteen of the largest frames are what may be under way.
  expect(credits()).toEqual(connections.map(() => 2));
  connections[0]!.frame(1, event('a'));
  await settle();
  expect(credits()).toEqual(connections.map(() => 64));
});

test('credit stops while the spool is full, for every connection, and comes back with its space', async () => {
  const rig = createIngest({ creditMax: 8 });
  const [mine, theirs] = [rig.connect('acme', 'p'), rig.connect('globex', 'p')];
  const credits = () => [mine, theirs].map(({ received }) => received.findLast(({ op }) => op !== 'ack')?.credit);
  expect(credits()).toEqual([8, 8]);
  rig.appender.refusal = 'full';
  mine.frame(1, event('a'));
  await settle();
  expect(credits()).toEqual([0, 0]);
  const late = rig.connect('acme', 'q');
  expect(late.received.at(-1)).toMatchObject({ op: 'hello', credit: 0 });
  rig.appender.makeSpace();
  await settle();
  expect(credits()).toEqual([8, 8]);
  expect(late.received.at(-1)).toMatchObject({ op: 'credit', credit: 8 });
  expect(mine.acked).toBe(1);
});

test('credit comes back within a second of room that nobody was refused for', async () => {
  const clock = new FakeClock();
  const rig = createIngestOver(new ScriptedAppender(), { creditMax: 8, clock });
  const connection = rig.connect('acme', 'p');
  rig.appender.holds = true;
  connection.frame(1, event('a'));
  await settle();
  // With this very append the spool is full.
  rig.appender.refusal = 'full';
  rig.appender.sync();
  await settle();
  expect([connection.acked, connection.credit, rig.appender.refused]).toEqual([1, 0, 0]);
  clock.advance(10_000);
  expect(connection.credit).toBe(0);
  rig.appender.refusal = null;
  clock.advance(1_000);
  expect(connection.credit).toBe(8);
});

test('a client that overruns its credit is closed by name, after what it was allowed is answered', async () => {
  const rig = createIngest({ creditMax: 2 });
  const connection = rig.connect('acme', 'p');
  for (let seq = 1; seq <= 3; seq++) connection.frame(seq, event(`e${seq}`));
  await settle();
  expect(connection.answers).toEqual(['ack 2', 'error credit_overrun']);
  expect([connection.closeCode, rig.appender.durable]).toEqual([4429, ['acme:e1;', 'acme:e2;']]);
});
