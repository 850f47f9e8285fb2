import { Packr } from 'msgpackr';
import { expect, test } from 'vitest';
import { type EventFormat, readEvents } from '../../src/cli/send/event-source.js';

const packr = new Packr({ useRecords: false });
const first = { type: 'task.completed', agent_id: 'a', name: 'naïve \u{1f600}' };
const second = { type: 'task.failed', agent_id: 'b' };

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(content: string | Buffer, format: EventFormat = 'auto', name = '') {
  const bytes = Buffer.from(content as string);
  const perSize: unknown[][] = [];
  // However the bytes come, cut through characters and lines.
  for (const size of [1, 7, 1_000_000]) {
    const found: unknown[] = [];
    for await (const { index, event, problem } of readEvents(chunksOf(bytes, size), { format, name })) {
      expect(index).toBe(found.length);
      found.push(event ?? `${problem?.code}: ${problem?.message}`);
    }
    perSize.push(found);
  }
  expect(perSize[1]).toEqual(perSize[0]);
  expect(perSize[2]).toEqual(perSize[0]);
  return perSize[0];
}

const lines = `${JSON.stringify(first)}\n${JSON.stringify(second)}`;

test('each format is told by its first byte, by the ending of the file, or by name', async () => {
  const both = [first, second];
  expect(await read(lines)).toEqual(both);
  expect(await read(`\ufeff${lines}\r\n\n`)).toEqual(both);
  expect(await read(JSON.stringify(both, null, 2))).toEqual(both);
  expect(await read(`  \n\ufeff${JSON.stringify(both)}`, 'json').catch(() => 'refused')).toBe('refused');
  expect(await read(`\ufeff${JSON.stringify(both)}`)).toEqual(both);
  expect(await read(JSON.stringify(first, null, 2), 'auto', 'one.json')).toEqual([first]);
  expect(await read(packr.pack(both))).toEqual(both);
  expect(await read(Buffer.concat(both.map((event) => Buffer.from(packr.pack(event)))))).toEqual(both);
  expect(await read(Buffer.concat([packr.pack(first), packr.pack([second])]), 'auto', 'x.msgpack')).toEqual(both);
  expect(await read('')).toEqual([]);
});

test('what of NDJSON is no event is told by its line, and the next is read', async () => {
  expect(await read(`${JSON.stringify(first)}\n\n{"type"\n5\n[1]\n${JSON.stringify(second)}\n`)).toEqual([
    first,
    "frame_malformed: line 3 is not valid JSON: expected ':' after property name at character 8",
    'event_not_map: line 4: the event is not a map',
    'event_not_map: line 5: the event is not a map',
    second,
  ]);
});

test('what is wrong as a whole is refused in one line, without what was in it', async () => {
  await expect(read('[{"secret":', 'json')).rejects.toThrow(
    'cannot read the events as one JSON text: the whole is not valid JSON: it ends too early; see --format',
  );
  await expect(read(Buffer.of(0x82, 0xa1), 'msgpack')).rejects.toThrow('cannot read the events: it is not MessagePack');
});

test('a line or a whole that is too large is named, and not kept in memory', async () => {
  const mebibyte = Buffer.alloc(1_048_576, 'x');
  async function* endless(head: string, count: number, tail: string): AsyncGenerator<Uint8Array> {
    yield Buffer.from(head);
    for (let sent = 0; sent < count; sent++) yield mebibyte;
    yield Buffer.from(tail);
  }
  const found: unknown[] = [];
  const line = endless('{"x":"', 70, `"}\n${JSON.stringify(second)}\n`);
  for await (const { event, problem } of readEvents(line, { format: 'ndjson', name: '' })) {
    found.push(event ?? problem?.code);
  }
  expect(found).toEqual(['frame_too_large', second]);
  const array = readEvents(endless('["', 300, '"]'), { format: 'json', name: '' });
  await expect(array.next()).rejects.toThrow('cannot read the json: it has more than 256 MiB; send NDJSON');
});
