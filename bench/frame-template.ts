import { invariant } from '../src/core/invariant.js';
import { packMessage } from '../src/core/msgpack.js';
import type { TidemarkEvent } from '../src/sdk/event.js';

/**
 * A frame that is encoded once and sent many times: before each sending, its number, ids and times are written
 * over in place, so that the generator costs little while no two events on the wire are the same.
 *
 * While it is encoded, each such value is a mark of fixed width that appears once; the marks are then found in
 * the bytes. Ids are `<prefix><8 digits>`, of which the digits change; times are float64 or 13 digits.
 */
export type FrameFormat = 'maps' | 'positional' | 'json';

interface Mark {
  /** As it stands in an id (eight digits) or in JSON (a time). */
  readonly text: string;
  /** Index of the event within the frame. */
  readonly event: number;
  /** Ids: the digits change every so many events. Times: this much before now, in ms. */
  readonly step: number;
}

/** Where marks stand, in parallel arrays because they are walked for every frame that is sent. */
interface Patches {
  readonly offsets: Int32Array;
  readonly events: Int32Array;
  readonly steps: Float64Array;
}

/** First number of a mark of eight digits, and first time of a mark, in ms: unlikely to stand for something else. */
const digitsBase = 70_000_000;
const timeBase = 1_000_000_000_000;

export class FrameTemplate {
  readonly bytes: Uint8Array;
  readonly events: number;
  readonly executions: number;
  readonly #format: FrameFormat;
  readonly #seqOffset: number;
  readonly #view: DataView;
  readonly #ids: Patches;
  readonly #times: Patches;
  /** The socket still needs the bytes. */
  busy = false;

  /** `tag` is part of every id: no two producers may share one. */
  constructor(events: readonly TidemarkEvent[], format: FrameFormat, tag: string) {
    const marks = new Marks(tag);
    const marked = events.map((event, index) => marks.mark(event, index));
    this.#format = format;
    this.bytes = encode(marked, format);
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    this.events = events.length;
    this.executions = events.filter(({ type }) => type.startsWith('task.')).length;
    this.#seqOffset = indexOfBytes(this.bytes, format === 'json' ? ascii(String(seqMark)) : seqBytes(seqMark));
    this.#ids = locate(this.bytes, marks.ids, ascii);
    this.#times = locate(this.bytes, marks.times, (text) => (format === 'json' ? ascii(text) : float64(Number(text))));
  }

  /** Hot path: once a frame. `firstEvent` numbers the frame's events within its producer. */
  patch(values: { readonly seq: number; readonly firstEvent: number; readonly nowMs: number }): void {
    const { bytes } = this;
    if (this.#format === 'json') bytes.set(ascii(String(seqMark + values.seq)), this.#seqOffset);
    else this.#view.setUint32(this.#seqOffset + 1, values.seq);
    const ids = this.#ids;
    for (let index = 0; index < ids.offsets.length; index += 1) {
      const step = ids.steps[index] ?? 1;
      writeDigits(bytes, ids.offsets[index] ?? 0, ((values.firstEvent + (ids.events[index] ?? 0)) / step) | 0);
    }
    const times = this.#times;
    for (let index = 0; index < times.offsets.length; index += 1) {
      const offset = times.offsets[index] ?? 0;
      const timeMs = values.nowMs - (times.steps[index] ?? 0);
      if (this.#format === 'json') bytes.set(ascii(String(timeMs)), offset);
      else this.#view.setFloat64(offset + 1, timeMs);
    }
  }
}

/** A uint32 in MessagePack, so that every number fits; in JSON it is added to the mark, ten digits wide. */
const seqMark = 3_000_000_000;

function seqBytes(seq: number): Uint8Array {
  const bytes = Uint8Array.of(0xce, 0, 0, 0, 0);
  new DataView(bytes.buffer).setUint32(1, seq);
  return bytes;
}

function float64(value: number): Uint8Array {
  const bytes = Uint8Array.of(0xcb, 0, 0, 0, 0, 0, 0, 0, 0);
  new DataView(bytes.buffer).setFloat64(1, value);
  return bytes;
}

/** What a fleet writes is ASCII, and k6 has no TextEncoder. */
function ascii(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index += 1) bytes[index] = text.charCodeAt(index);
  return bytes;
}

function encode(events: readonly TidemarkEvent[], format: FrameFormat): Uint8Array {
  if (format === 'json') return ascii(JSON.stringify({ seq: seqMark, events }));
  if (format === 'maps') return packMessage({ seq: seqMark, events });
  const columns = [...new Set(events.flatMap((event) => Object.keys(event)))];
  const rows = events.map((event) => columns.map((name) => event[name as keyof TidemarkEvent] ?? null));
  return packMessage({ seq: seqMark, columns, rows });
}

/** Ids that are patched, with the number of events that share one: a run spans some tasks, a task some steps. */
const idSpans: Readonly<Record<string, number>> = { event_id: 1, step_id: 1, task_id: 4, run_id: 10, session_id: 10 };

class Marks {
  readonly ids: Mark[] = [];
  readonly times: Mark[] = [];
  readonly #tag: string;

  constructor(tag: string) {
    this.#tag = tag;
  }

  mark(event: TidemarkEvent, index: number): TidemarkEvent {
    const copy: Record<string, unknown> = { ...event };
    for (const name of Object.keys(copy)) {
      // What ends a task or run ends it once.
      const isEnd = event.type.startsWith(`${name.slice(0, -3)}.`);
      const span = isEnd ? 1 : idSpans[name];
      if (span !== undefined) copy[name] = `${name.charAt(0)}${this.#tag}${this.#markId(index, span)}`;
    }
    if (typeof copy.parent_id === 'string') {
      copy.parent_id = typeof copy.step_id === 'string' ? copy.task_id : copy.run_id;
    }
    const endMs = Number(event.ts);
    for (const name of ['ts', 'started_at', 'ended_at'] as const) {
      if (typeof event[name] === 'number') copy[name] = this.#markTime(index, endMs - event[name]);
    }
    return copy as TidemarkEvent;
  }

  #markId(event: number, span: number): string {
    const text = String(digitsBase + this.ids.length);
    this.ids.push({ text, event, step: span });
    return text;
  }

  #markTime(event: number, beforeNowMs: number): number {
    const mark = timeBase + this.times.length;
    this.times.push({ text: String(mark), event, step: beforeNowMs });
    return mark;
  }
}

/** An encoded event is shorter than this; its marks are looked for no further. */
const eventBytesMax = 1_024;

/** A mark may stand in several places of its event (a parent is a task's id again); each becomes a patch. */
function locate(bytes: Uint8Array, marks: readonly Mark[], pattern: (text: string) => Uint8Array): Patches {
  const offsets: number[] = [];
  const found: Mark[] = [];
  let eventStart = 0;
  let event = 0;
  let nextStart = 0;
  for (const mark of marks) {
    if (mark.event !== event) {
      eventStart = nextStart;
      event = mark.event;
    }
    const needle = pattern(mark.text);
    const range = bytes.subarray(eventStart, eventStart + eventBytesMax);
    const before = offsets.length;
    for (let at = indexOfBytes(range, needle); at >= 0; at = indexOfBytes(range, needle, at + 1)) {
      offsets.push(eventStart + at);
      found.push(mark);
      nextStart = Math.max(nextStart, eventStart + at);
    }
    invariant(offsets.length > before, `mark ${mark.text} of event ${mark.event} is not in the frame`);
  }
  return {
    offsets: Int32Array.from(offsets),
    events: Int32Array.from(found, (mark) => mark.event),
    steps: Float64Array.from(found, (mark) => mark.step),
  };
}

/** As `Buffer.indexOf`, which k6 does not have; -1 when there is none. */
function indexOfBytes(bytes: Uint8Array, needle: Uint8Array, from = 0): number {
  const first = needle[0] ?? 0;
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (needle.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}

/** The ASCII digits of 0000 to 9999. */
const fourDigits = ascii(Array.from({ length: 10_000 }, (_, n) => String(n).padStart(4, '0')).join(''));

function writeDigits(bytes: Uint8Array, offset: number, value: number): void {
  const high = (value / 10_000) | 0;
  const low = value - high * 10_000;
  for (let digit = 0; digit < 4; digit += 1) {
    bytes[offset + digit] = fourDigits[(high % 10_000) * 4 + digit] ?? 0;
    bytes[offset + 4 + digit] = fourDigits[low * 4 + digit] ?? 0;
  }
}
