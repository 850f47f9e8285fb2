import { expect, test } from 'vitest';
import { FakeClock } from '../support/fake-clock.js';
import { createIngest, createIngestOver, type IngestRig } from '../support/ingest-rig.js';
import { ScriptedAppender } from '../support/scripted-appender.js';
import { settle } from '../support/spool-rig.js';

const monthMs = 31 * 86_400_000;
const event = (name: string) => ({ name, event_id: name });

/** Everything that was received has one outcome, and the live windows know what is durable and nothing else. */
function expectBalance({ totals, pipeline, windows, appender }: IngestRig<ScriptedAppender>): void {
  const outcomes = ['durable', 'duplicate', 'rejected', 'refused'].map((outcome) => totals.of(outcome));
  expect(outcomes.reduce((sum, count) => sum + count)).toBe(totals.received);
  expect([pipeline.eventsUnderway, pipeline.bytesInFlight]).toEqual([0, 0]);
  expect(totals.of('durable')).toBe(appender.durable.length);
  expect([...windows.values()].reduce((sum, count) => sum + count, 0)).toBe(appender.durable.length);
  expect(totals.executions).toBe(appender.durable.length);
}

// ── what is sent again ──────────────────────────────────────────────────────────────────────────────────────

test('events of a batch that could not be synced are kept when they are sent again', async () => {
  const rig = createIngest();
  rig.appender.holds = true;
  const first = rig.connect('acme', 'p');
  first.frame(1, event('a'), event('b'));
  const request = rig.post('globex', [event('a'), event('c')]);
  await settle();
  rig.appender.fail();
  await expect(request).rejects.toMatchObject({ code: 'spool_failed' });
  await settle();
  expect([first.answers, first.closeCode]).toEqual([['error spool_failed'], 4503]);
  rig.appender.holds = false;
  const again = rig.connect('acme', 'p');
  expect(again.lastSeq).toBe(0);
  again.frame(1, event('a'), event('b'));
  await rig.post('globex', [event('a'), event('c')]);
  await settle();
  expect(again.answers).toEqual(['ack 1']);
  expect(rig.appender.durable).toEqual(['acme:a;', 'acme:b;', 'globex:a;', 'globex:c;']);
  expectBalance(rig);
});

test('events of a batch that no thread could decode are kept when they are sent again', async () => {
  const rig = createIngest();
  rig.decoder.holds = true;
  const connection = rig.connect('acme', 'p');
  connection.frame(1, event('a'));
  await settle();
  rig.decoder.held.shift()?.fail('internal');
  await settle();
  expect(connection.answers).toEqual(['error internal']);
  rig.decoder.holds = false;
  const again = rig.connect('acme', 'p');
  again.frame(1, event('a'));
  await settle();
  expect([again.answers, rig.appender.durable]).toEqual([['ack 1'], ['acme:a;']]);
  expectBalance(rig);
});

test('events of a request that the full spool refused are kept when it is sent again', async () => {
  const rig = createIngest();
  rig.appender.refusal = 'full';
  const key = 'once';
  await expect(rig.post('acme', [event('a')], { key })).rejects.toMatchObject({ code: 'spool_full' });
  await expect(rig.post('acme', [event('a')], { key })).rejects.toMatchObject({ code: 'spool_full' });
  rig.appender.makeSpace();
  expect(await rig.post('acme', [event('a')], { key })).toMatchObject({ duplicate: false, duplicateEvents: 0 });
  expect(await rig.post('acme', [event('a')], { key })).toMatchObject({ duplicate: true });
  expect(rig.appender.durable).toEqual(['acme:a;']);
  expectBalance(rig);
});

test('a request behind the batch that stalled is refused with it, and nothing of it is remembered', async () => {
  const rig = createIngest();
  rig.decoder.holds = true;
  const requests = [rig.post('acme', [event('a')])];
  await settle();
  requests.push(rig.post('acme', [event('b')]));
  await settle();
  rig.appender.refusal = 'full';
  rig.decoder.letGo();
  expect((await Promise.allSettled(requests)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  rig.appender.makeSpace();
  await settle();
  for (const name of ['a', 'b']) expect(await rig.post('acme', [event(name)])).toMatchObject({ duplicateEvents: 0 });
  expect(rig.appender.durable).toEqual(['acme:a;', 'acme:b;']);
  expectBalance(rig);
});

test('while the spool is full frames of a connection wait, requests beside them in the batch do not', async () => {
  const rig = createIngest();
  const connection = rig.connect('acme', 'p');
  rig.appender.refusal = 'full';
  connection.frame(1, event('waits'));
  const request = rig.post('globex', [event('goes')]);
  await expect(request).rejects.toMatchObject({ code: 'spool_full' });
  await expect(rig.post('acme', [event('goes')])).rejects.toMatchObject({ code: 'spool_full' });
  expect([connection.answers, rig.pipeline.stalled]).toEqual([[], true]);
  rig.appender.makeSpace();
  await settle();
  expect([connection.answers, rig.appender.durable]).toEqual([['ack 1'], ['acme:waits;']]);
  expectBalance(rig);
});

test('a request that waits with what came while the clock was lost is refused when it is lost again', async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 15));
  const rig = createIngestOver(new ScriptedAppender(), { clock, earliestMs: Date.UTC(2026, 0, 1) });
  rig.decoder.workers = 1;
  rig.decoder.holds = true;
  const connection = rig.connect('acme', 'p');
  connection.frame(1, event('a'));
  await settle();
  clock.stepWall(-monthMs);
  connection.frame(2, event('b'));
  await settle();
  clock.stepWall(monthMs);
  clock.advance(1_000);
  const request = rig.post('acme', [event('c')]).catch(({ code }) => code);
  await settle();
  clock.stepWall(-monthMs);
  rig.decoder.letGo();
  await settle();
  expect(await request).toBe('clock_unset');
  expect(rig.appender.durable).toEqual(['acme:a;']);
  clock.stepWall(monthMs);
  clock.advance(1_000);
  await settle();
  expect([rig.appender.durable, connection.acked]).toEqual([['acme:a;', 'acme:b;'], 2]);
  expect(Object.fromEntries(rig.totals.frames)).toEqual({ accepted: 2, clock_unset: 1 });
  expect(rig.pipeline.eventsUnderway).toBe(0);
});

test('an event id is known from its batch on, of its tenant, and not before its event is kept', async () => {
  const rig = createIngest();
  const connection = rig.connect('acme', 'p');
  connection.frame(1, event('a'), event('a'), { name: 'bad', event_id: 'b', bad: true });
  rig.connect('globex', 'p').frame(1, event('a'));
  await settle();
  connection.frame(2, event('a'), event('b'));
  await settle();
  expect(connection.answers).toEqual(['reject 1', 'ack 1', 'ack 2']);
  expect(rig.appender.durable).toEqual(['acme:a;', 'globex:a;', 'acme:b;']);
  expect(rig.totals.of('duplicate')).toBe(2);
  expectBalance(rig);
});

test('duplicates in a batch that fails take nothing back of the events they repeat', async () => {
  const rig = createIngest();
  rig.connect('acme', 'p').frame(1, event('a'));
  await settle();
  rig.appender.holds = true;
  const failing = rig.connect('acme', 'q');
  failing.frame(1, event('a'), event('b'));
  await settle();
  rig.appender.fail();
  await settle();
  rig.appender.holds = false;
  const again = rig.connect('acme', 'q');
  again.frame(1, event('a'), event('b'));
  await settle();
  expect(rig.appender.durable).toEqual(['acme:a;', 'acme:b;']);
  expectBalance(rig);
});

// ── what follows a frame that is not kept ───────────────────────────────────────────────────────────────────

test('what a connection sent behind a frame that could not be synced is not kept, though it was decoded', async () => {
  const rig = createIngest();
  rig.appender.holds = true;
  const connection = rig.connect('acme', 'p');
  const other = rig.connect('globex', 'p');
  connection.frame(1, event('a'));
  await settle();
  // The second batch is admitted, and waits for space.
  rig.appender.refusal = 'full';
  connection.frame(2, event('b'));
  other.frame(1, event('kept'));
  await settle();
  rig.appender.fail();
  await settle();
  rig.appender.holds = false;
  rig.appender.makeSpace();
  await settle();
  expect([connection.answers, rig.appender.durable]).toEqual([['error spool_failed'], ['globex:kept;']]);
  expect(other.answers).toEqual(['ack 1']);
  const again = rig.connect('acme', 'p');
  expect(again.lastSeq).toBe(0);
  for (const [index, name] of ['a', 'b'].entries()) again.frame(index + 1, event(name));
  await settle();
  expect([again.answers, rig.appender.durable]).toEqual([['ack 2'], ['globex:kept;', 'acme:a;', 'acme:b;']]);
  expectBalance(rig);
});

test('what is decoded only after a frame before it has failed is not kept', async () => {
  const rig = createIngest();
  rig.appender.holds = true;
  const connection = rig.connect('acme', 'p');
  connection.frame(1, event('a'));
  await settle();
  rig.decoder.holds = true;
  connection.frame(2, event('b'));
  await settle();
  rig.appender.fail();
  await settle();
  rig.appender.holds = false;
  rig.decoder.letGo();
  await settle();
  expect([connection.answers, rig.appender.durable]).toEqual([['error spool_failed'], []]);
  const again = rig.connect('acme', 'p');
  expect(again.lastSeq).toBe(0);
  again.frame(1, event('a'));
  again.frame(2, event('b'));
  await settle();
  expect(rig.appender.durable).toEqual(['acme:a;', 'acme:b;']);
  expectBalance(rig);
});

test('a batch that a thread lost takes with it what the same connections sent later, and nothing else', async () => {
  const rig = createIngest();
  rig.decoder.holds = true;
  const connection = rig.connect('acme', 'p');
  const other = rig.connect('acme', 'q');
  connection.frame(1, event('a'));
  await settle();
  connection.frame(2, event('b'));
  other.frame(1, event('c'));
  await settle();
  rig.decoder.held.shift()?.fail('internal');
  rig.decoder.letGo();
  await settle();
  expect([connection.answers, other.answers]).toEqual([['error internal'], ['ack 1']]);
  expect(rig.appender.durable).toEqual(['acme:c;']);
  expectBalance(rig);
});

test('nothing is kept behind a frame that cannot be read, in its batch and in later ones', async () => {
  const rig = createIngest();
  const connection = rig.connect('acme', 'p');
  const other = rig.connect('globex', 'p');
  connection.frame(1, event('a'));
  connection.text('{"seq":2,');
  connection.frame(3, event('b'));
  other.frame(1, event('kept'));
  await settle();
  expect([connection.answers, connection.closeCode]).toEqual([['ack 1', 'error frame_malformed'], 4400]);
  expect(other.answers).toEqual(['ack 1']);
  expect(rig.appender.durable).toEqual(['acme:a;', 'globex:kept;']);
  expect(rig.connect('acme', 'p').lastSeq).toBe(1);
  expectBalance(rig);
});

test('nothing is kept behind a frame above the limit, which is told after the frames before it', async () => {
  const rig = createIngest({ frameBytesMax: 200 });
  rig.appender.holds = true;
  const connection = rig.connect('acme', 'p');
  connection.frame(1, event('a'));
  connection.frame(2, event('x'.repeat(200)));
  connection.frame(3, event('b'));
  await settle();
  expect(connection.answers).toEqual([]);
  rig.appender.sync();
  await settle();
  expect([connection.answers, connection.closeCode]).toEqual([['ack 1', 'error frame_too_large'], 4413]);
  expect(rig.appender.durable).toEqual(['acme:a;']);
  expectBalance(rig);
});

test('a spool that has stopped refuses the batch, and what is behind it', async () => {
  const rig = createIngest();
  const connection = rig.connect('acme', 'p');
  rig.appender.refusal = 'stopped';
  connection.frame(1, event('a'));
  await settle();
  await expect(rig.post('acme', [event('b')])).rejects.toMatchObject({ code: 'stopping' });
  expect([connection.answers, connection.closeCode]).toEqual([['error stopping'], 1012]);
  await rig.pipeline.drained();
  expectBalance(rig);
});

// ── order ───────────────────────────────────────────────────────────────────────────────────────────────────

test('batches are appended in the order of receipt, however the threads finish them', async () => {
  const rig = createIngest({ batchesInFlightMax: 8 });
  rig.decoder.workers = 8;
  rig.decoder.holds = true;
  const connection = rig.connect('acme', 'p');
  for (let seq = 1; seq <= 4; seq++) {
    connection.frame(seq, event(`e${seq}`));
    await settle(2);
  }
  for (const index of [2, 0, 2, 0]) {
    rig.decoder.held.splice(index > 0 ? 1 : 0, 1)[0]?.decode();
    await settle();
    expect(rig.appender.durable).toEqual(rig.appender.durable.toSorted());
  }
  rig.decoder.letGo();
  await settle();
  expect(rig.appender.durable).toEqual(['acme:e1;', 'acme:e2;', 'acme:e3;', 'acme:e4;']);
  expect(connection.answers.at(-1)).toBe('ack 4');
  expectBalance(rig);
});

test('a frame is acknowledged when it is durable, not when it is appended; repeated, when the first is', async () => {
  const rig = createIngest();
  rig.appender.holds = true;
  const connection = rig.connect('acme', 'p');
  connection.frame(1, event('a'));
  await settle();
  connection.frame(1, event('a'));
  await settle();
  expect([rig.appender.pending, connection.answers]).toEqual([1, []]);
  rig.appender.sync();
  await settle();
  expect(connection.answers).toEqual(['ack 1', 'ack 1']);
  expect(rig.appender.durable).toEqual(['acme:a;']);
  expectBalance(rig);
});

test('a frame repeated while its first sending is lost is told so, and kept when it is sent a third time', async () => {
  const rig = createIngest();
  rig.appender.holds = true;
  const connection = rig.connect('acme', 'p');
  connection.frame(1, event('a'));
  await settle();
  connection.frame(1, event('a'));
  await settle();
  rig.appender.fail();
  await settle();
  expect(connection.answers).toEqual(['error spool_failed']);
  rig.appender.holds = false;
  const again = rig.connect('acme', 'p');
  again.frame(1, event('a'));
  await settle();
  expect([again.answers, rig.appender.durable]).toEqual([['ack 1'], ['acme:a;']]);
  expectBalance(rig);
});

test('a reject comes before the ack of its frame, and names the frame it is of', async () => {
  const rig = createIngest();
  const connection = rig.connect('acme', 'p');
  connection.frame(1, event('a'));
  connection.frame(2, event('b'), { name: 'bad', bad: true });
  connection.frame(3, event('c'));
  await settle();
  expect(connection.answers).toEqual(['reject 2', 'ack 3']);
  expect(rig.appender.durable).toEqual(['acme:a;', 'acme:b;', 'acme:c;']);
  expectBalance(rig);
});

// ── tenants ─────────────────────────────────────────────────────────────────────────────────────────────────

test('producers of two tenants with one name have positions of their own within one batch', async () => {
  const rig = createIngest();
  const [acme, globex] = [rig.connect('acme', 'p'), rig.connect('globex', 'p')];
  acme.frame(5, event('a5'));
  globex.frame(1, event('g1'));
  acme.frame(6, event('a6'));
  globex.frame(2, event('g2'));
  await settle();
  expect(rig.decoder.taken).toBe(1);
  expect(rig.appender.durable).toEqual(['acme:a5;', 'globex:g1;', 'acme:a6;', 'globex:g2;']);
  expect([rig.appender.lastSeq('acme', 'p'), rig.appender.lastSeq('globex', 'p')]).toEqual([6, 2]);
  expect([acme.answers, globex.answers]).toEqual([['ack 6'], ['ack 2']]);
  // And over batches: what one tenant has sent is no repetition of what the other sends.
  globex.frame(6, event('g6'));
  acme.frame(7, event('a7'));
  acme.frame(6, event('again'));
  await settle();
  expect(rig.appender.durable.slice(4)).toEqual(['globex:g6;', 'acme:a7;']);
  expectBalance(rig);
});

test('requests of two tenants with one Idempotency-Key are two requests, in one batch and after it', async () => {
  const rig = createIngest();
  const post = (tenant: string) => rig.post(tenant, [{ name: 'n' }], { key: 'same' });
  const answers = await Promise.all([post('acme'), post('globex'), post('acme')]);
  expect(answers.map(({ duplicate }) => duplicate)).toEqual([false, false, true]);
  expect(await post('globex')).toMatchObject({ duplicate: true });
  expect(rig.appender.durable).toEqual(['acme:n;', 'globex:n;']);
  expectBalance(rig);
});

test('consent to content is that of the tenant of each frame, whichever comes first in the batch', async () => {
  for (const first of ['open', 'closed']) {
    const rig = createIngest();
    const second = first === 'open' ? 'closed' : 'open';
    const content = { name: 'prompt', content: true };
    for (const tenant of [first, second, first]) {
      void rig.post(tenant, [content, { name: 'plain' }], { contentAllowed: tenant === 'open' });
    }
    await settle();
    expect(rig.decoder.taken).toBe(1);
    const kept = rig.appender.durable.filter((row) => row.endsWith(':prompt;'));
    expect(new Set(kept)).toEqual(new Set(['open:prompt;']));
    expect(kept).toHaveLength(first === 'open' ? 2 : 1);
    expect(rig.appender.durable.filter((row) => row.endsWith(':plain;')).sort()).toEqual(
      [first, second, first].map((tenant) => `${tenant}:plain;`).sort(),
    );
    expectBalance(rig);
  }
});
