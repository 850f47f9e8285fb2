import { notJson } from '../../core/json-fault.js';
import { unpackMessages } from '../../core/msgpack.js';
import { CommandError, misused } from '../frame/command-error.js';
import { exitCodes } from '../frame/exit-codes.js';

export const eventFormats = ['auto', 'json', 'ndjson', 'msgpack'] as const;
export type EventFormat = (typeof eventFormats)[number];

/** An event as it was read, or why none could be; `index` counts both from 0. */
export type SourcedEvent =
  | { readonly index: number; readonly event: object; readonly problem?: never }
  | { readonly index: number; readonly problem: EventProblem; readonly event?: never };

interface EventProblem {
  readonly code: 'frame_malformed' | 'event_not_map' | 'frame_too_large';
  readonly message: string;
}

/** A line of NDJSON is an event, which is in a frame: of 1 MiB, unless the collector is configured otherwise. */
const lineBytesMax = 64 * 1_048_576;
/** An array and MessagePack are read as a whole. */
const wholeBytesMax = 256 * 1_048_576;
const newline = 10;

/**
 * The events of a stream of bytes, one after another. NDJSON is read line by line, so it may be of any length; a JSON
 * array, one JSON object over several lines, and MessagePack (maps, arrays of maps, any number of them) are read as a
 * whole. Throws CommandError when the whole is too large or is not what it should be; what of NDJSON cannot be read is
 * told by its line, and the next line is read.
 */
export async function* readEvents(
  bytes: AsyncIterable<Uint8Array>,
  { format, name }: { readonly format: EventFormat; readonly name: string },
): AsyncGenerator<SourcedEvent> {
  const [head, all] = await peeked(bytes);
  const known = format === 'auto' ? (formatOfName(name) ?? formatOfContent(head)) : format;
  if (known === 'ndjson') return yield* linesOf(all);
  const whole = await wholeOf(all, known);
  let index = 0;
  for (const value of known === 'json' ? jsonValues(whole) : packedValues(whole)) {
    yield sourced(index, value, '');
    index += 1;
  }
}

/** By the ending of a file; null when it tells nothing. */
function formatOfName(name: string): Exclude<EventFormat, 'auto'> | null {
  const ending = /\.([a-z]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '';
  if (ending === 'json') return 'json';
  if (ending === 'ndjson' || ending === 'jsonl') return 'ndjson';
  return ['msgpack', 'mpk', 'mp'].includes(ending) ? 'msgpack' : null;
}

/** JSON begins with ASCII, a map or an array of MessagePack never does. Of JSON only an array is one whole. */
function formatOfContent(head: Uint8Array): Exclude<EventFormat, 'auto'> {
  const text = Buffer.from(head).toString('latin1').replace(byteOrderMark, '').trimStart();
  if (text.startsWith('[')) return 'json';
  return (text.codePointAt(0) ?? 0) >= 0x80 ? 'msgpack' : 'ndjson';
}

const byteOrderMark = '\u00ef\u00bb\u00bf';

/** Enough to tell a mark of the byte order from MessagePack. */
const headBytesMin = 4;

/** The first bytes that are not blank, and all bytes. */
async function peeked(bytes: AsyncIterable<Uint8Array>): Promise<[Uint8Array, AsyncIterable<Uint8Array>]> {
  const iterator = bytes[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let head = '';
  while (head.length < headBytesMin) {
    const next = await iterator.next();
    if (next.done === true) break;
    first.push(next.value);
    head = (head + Buffer.from(next.value).toString('latin1')).trimStart();
  }
  return [Buffer.from(head, 'latin1'), { [Symbol.asyncIterator]: () => rejoined(first, iterator) }];
}

async function* rejoined(
  first: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* first;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    // A stream that is left early is closed.
    await rest.return?.();
  }
}

async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<SourcedEvent> {
  let line = 0;
  let index = 0;
  for await (const text of textLines(bytes)) {
    line += 1;
    if (text?.trim() === '') continue;
    yield lineEvent(index, line, text);
    index += 1;
  }
}

/** Null for a line that is too long. */
async function* textLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string | null> {
  let parts: Uint8Array[] = [];
  let held = 0;
  const finished = (last: Uint8Array): string | null => {
    const isTooLong = held + last.length > lineBytesMax;
    const line = isTooLong ? null : Buffer.concat([...parts, last]).toString('utf8');
    parts = [];
    held = 0;
    return line;
  };
  for await (const chunk of bytes) {
    let begin = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, begin)) {
      yield finished(chunk.subarray(begin, end));
      begin = end + 1;
    }
    const rest = chunk.subarray(begin);
    held += rest.length;
    // Of a line that is too long nothing is kept.
    parts = held > lineBytesMax ? [] : [...parts, rest];
  }
  if (held > 0) {
    held = held > lineBytesMax ? held : 0;
    yield finished(Buffer.alloc(0));
  }
}

function lineEvent(index: number, line: number, text: string | null): SourcedEvent {
  const at = `line ${line}`;
  if (text === null) {
    const message = `${at} has more than ${lineBytesMax.toLocaleString('en-US')} bytes`;
    return { index, problem: { code: 'frame_too_large', message } };
  }
  const json = line === 1 ? text.replace(/^\ufeff/, '') : text;
  try {
    return sourced(index, JSON.parse(json), `${at}: `);
  } catch (error) {
    return { index, problem: { code: 'frame_malformed', message: `${at} is ${notJson(error, json)}` } };
  }
}

function sourced(index: number, value: unknown, at: string): SourcedEvent {
  // Of MessagePack there are values that are neither map nor list, and no plain objects.
  if (typeof value === 'object' && value?.constructor === Object) return { index, event: value };
  return { index, problem: { code: 'event_not_map', message: `${at}the event is not a map` } };
}

async function wholeOf(bytes: AsyncIterable<Uint8Array>, format: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let held = 0;
  for await (const part of bytes) {
    held += part.length;
    if (held > wholeBytesMax) {
      const limit = `${wholeBytesMax / 1_048_576} MiB`;
      throw misused(`cannot read the ${format}: it has more than ${limit}; send NDJSON, which is read line by line`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function jsonValues(whole: Buffer): readonly unknown[] {
  const text = whole.toString('utf8').replace(/^\ufeff/, '');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    const cause = `the whole is ${notJson(error, text)}`;
    throw new CommandError(exitCodes.misused, `cannot read the events as one JSON text: ${cause}; see --format`);
  }
  return Array.isArray(parsed) ? parsed : [parsed];
}

function packedValues(whole: Buffer): readonly unknown[] {
  try {
    return unpackMessages(whole).flat();
  } catch {
    throw new CommandError(exitCodes.misused, 'cannot read the events: it is not MessagePack; see --format');
  }
}
