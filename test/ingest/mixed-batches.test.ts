import { expect, test } from 'vitest';
import { EventIdMemory } from '../../src/ingest/event-id-memory.js';
import { createIngest } from '../support/ingest-rig.js';
import { settle } from '../support/spool-rig.js';

/** What one frame of a batch is must not be taken for what another one is. */

const event = (name: string) => ({ name, event_id: name });

test('answers and event ids go to their own frames though a frame before them was never decoded', async () => {
  const rig = createIngest({ frameBytesMax: 200 });
  rig.connect('acme', 'p').frame(1, event('known'));
  await settle();
  const [large, first, second] = ['l', 'q', 'r'].map((producer) => rig.connect('acme', producer));
  large!.frame(1, event('x'.repeat(200)));
  first!.frame(4, event('a'), { name: 'bad', bad: true });
  second!.frame(7, event('known'), event('b'));
  await settle();
  expect([large, first, second].map((connection) => connection!.answers)).toEqual([
    ['error frame_too_large'],
    ['reject 4', 'ack 4'],
    ['ack 7'],
  ]);
  expect(rig.appender.durable).toEqual(['acme:known;', 'acme:a;', 'acme:b;']);
  first!.frame(5, event('a'), event('b'), event('c'));
  await settle();
  expect(rig.appender.durable.slice(3)).toEqual(['acme:c;']);
});

test('ids of a batch that fails are taken back from their own frames, one that was never decoded aside', async () => {
  const rig = createIngest({ frameBytesMax: 200 });
  rig.appender.holds = true;
  const [large, first, second] = ['l', 'q', 'r'].map((producer) => rig.connect('acme', producer));
  large!.frame(1, event('x'.repeat(200)));
  first!.frame(1, event('a'));
  second!.frame(1, event('b'));
  await settle();
  rig.appender.fail();
  await settle();
  rig.appender.holds = false;
  for (const [producer, name] of [
    ['q', 'a'],
    ['r', 'b'],
  ] as const) {
    rig.connect('acme', producer).frame(1, event(name));
  }
  await settle();
  expect(rig.appender.durable).toEqual(['acme:a;', 'acme:b;']);
});

test('a frame whose first bytes look like one sent before is kept when it is another one', async () => {
  const rig = createIngest();
  const connection = rig.connect('acme', 'p');
  connection.frame(1, event('a'));
  await settle();
  // Of a key that comes twice the later one counts.
  connection.text('{"seq":1,"events":[{"name":"b","event_id":"b"}],"seq":2}');
  await settle();
  expect([connection.answers, rig.appender.durable]).toEqual([
    ['ack 1', 'ack 2'],
    ['acme:a;', 'acme:b;'],
  ]);
});

test('a new frame is acknowledged at once though repetitions of older ones come behind it', async () => {
  const rig = createIngest();
  const connection = rig.connect('acme', 'p');
  for (let seq = 1; seq <= 3; seq++) connection.frame(seq, event(`e${seq}`));
  connection.frame(2, event('e2'));
  connection.frame(1, event('e1'));
  await settle();
  expect(connection.answers).toEqual(['ack 3']);
});

test('acknowledgements never go back, not even those of repetitions after a new connection', async () => {
  const rig = createIngest();
  const before = rig.connect('acme', 'p');
  for (let seq = 1; seq <= 3; seq++) before.frame(seq, event(`e${seq}`));
  await settle();
  const connection = rig.connect('acme', 'p');
  await settle();
  expect(connection.lastSeq).toBe(3);
  connection.frame(1, event('e1'));
  await settle();
  expect(connection.answers).toEqual(['ack 3']);
});

test('an id is known in both generations of its memory, and can be taken back from either', () => {
  let forgotten = 0;
  const ids = new EventIdMemory({
    idsMax: 100,
    onForgotten: (count) => {
      forgotten += count;
    },
  });
  const known = () => Array.from({ length: 120 }, (_, id) => id).filter((id) => !ids.tryAdd(id, 1));
  for (let id = 0; id < 75; id++) expect(ids.tryAdd(id, 1)).toBe(true);
  // The first fifty are of the older generation by now.
  for (const id of [0, 49, 50, 74]) expect(ids.tryAdd(id, 1), `id ${id}`).toBe(false);
  for (const id of [0, 49, 50, 74]) ids.remove(id, 1);
  expect(ids.size).toBe(71);
  for (const id of [0, 49, 50, 74]) expect(ids.tryAdd(id, 1), `id ${id}`).toBe(true);
  expect(forgotten).toBe(0);
  expect(known()).toContain(73);
});
