import { expect, test } from 'vitest';
import { createIngest } from '../support/ingest-rig.js';
import { settle } from '../support/spool-rig.js';

/** What counts as a repetition does so because of what is kept: it must not be when that is lost after all. */

const event = (name: string) => ({ name, event_id: name });

test('a repeated request is not acknowledged for the sake of a first one that is lost meanwhile', async () => {
  const rig = createIngest();
  const post = () => rig.post('acme', [{ name: 'a' }], { key: 'once' });
  rig.appender.holds = true;
  const first = post();
  await settle();
  rig.decoder.holds = true;
  const second = post();
  await settle();
  // It is admitted as a repetition, and decoded again without its rows.
  rig.decoder.held.shift()?.decode();
  await settle();
  rig.appender.fail();
  await expect(first).rejects.toMatchObject({ code: 'spool_failed' });
  rig.appender.holds = false;
  rig.decoder.letGo();
  await expect(second).rejects.toMatchObject({ code: 'spool_failed' });
  expect(await post()).toMatchObject({ duplicate: false });
  expect(rig.appender.durable).toEqual(['acme:a;']);
});

test('of two requests with one key in one batch none is acknowledged when the spool is full', async () => {
  const rig = createIngest();
  const post = () => rig.post('acme', [{ name: 'a' }], { key: 'once' });
  rig.appender.refusal = 'full';
  const answers = Promise.allSettled([post(), post()]);
  await settle();
  rig.appender.makeSpace();
  expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await post()).toMatchObject({ duplicate: false });
  expect(rig.appender.durable).toEqual(['acme:a;']);
});

test('an event that repeats one of another producer is kept when that one is lost meanwhile', async () => {
  const rig = createIngest();
  rig.appender.holds = true;
  const [first, second] = [rig.connect('acme', 'p'), rig.connect('acme', 'q')];
  first.frame(1, event('a'));
  await settle();
  rig.decoder.holds = true;
  second.frame(1, event('a'), event('b'));
  await settle();
  rig.decoder.held.shift()?.decode();
  await settle();
  rig.appender.fail();
  await settle();
  rig.appender.holds = false;
  rig.decoder.letGo();
  await settle();
  expect([first.answers, second.answers]).toEqual([['error spool_failed'], ['ack 1']]);
  expect(rig.appender.durable).toEqual(['acme:a;', 'acme:b;']);
  const again = rig.connect('acme', 'p');
  again.frame(1, event('a'));
  await settle();
  expect(again.answers).toEqual(['ack 1']);
  expect(rig.appender.durable).toEqual(['acme:a;', 'acme:b;']);
  expect(rig.totals.of('duplicate')).toBe(1);
});

test('an event that repeats one of a request is kept when that request is refused by the full spool', async () => {
  const rig = createIngest();
  const connection = rig.connect('acme', 'p');
  rig.appender.refusal = 'full';
  const request = rig.post('acme', [event('a')]);
  connection.frame(1, event('a'), event('b'));
  await expect(request).rejects.toMatchObject({ code: 'spool_full' });
  rig.appender.makeSpace();
  await settle();
  expect([connection.answers, rig.appender.durable]).toEqual([['ack 1'], ['acme:a;', 'acme:b;']]);
  expect(await rig.post('acme', [event('a')])).toMatchObject({ duplicateEvents: 1 });
});

test('an event that repeats one of a connection that ends meanwhile is kept, once', async () => {
  const rig = createIngest();
  rig.appender.holds = true;
  const [failing, second, third] = ['p', 'q', 'r'].map((producer) => rig.connect('acme', producer));
  failing!.frame(1, event('a'));
  await settle();
  rig.appender.refusal = 'full';
  failing!.frame(2, event('x'));
  second!.frame(1, event('x'));
  third!.frame(1, event('x'), event('y'));
  await settle();
  rig.appender.fail();
  await settle();
  rig.appender.holds = false;
  rig.appender.makeSpace();
  await settle();
  expect([second!.answers, third!.answers]).toEqual([['ack 1'], ['ack 1']]);
  expect(rig.appender.durable).toEqual(['acme:x;', 'acme:y;']);
});

test('a batch that is decoded twice gives both buffers of its lists back', async () => {
  const rig = createIngest();
  const connection = rig.connect('acme', 'p');
  connection.frame(1, event('a'));
  await settle();
  connection.frame(2, event('a'), event('b'));
  await settle();
  expect(rig.appender.durable).toEqual(['acme:a;', 'acme:b;']);
  expect(rig.decoder.taken).toBe(3);
  expect(rig.decoder.sidesOut).toBe(0);
});
