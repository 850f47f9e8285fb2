import { crc32 } from 'node:zlib';
import { CollectorError } from '../../src/core/errors.js';
import type { DecodedBatch, DecodedFrame, EventError, FrameBatch, FrameRange } from '../../src/core/event-batch.js';
import { noLifecycle } from '../../src/core/live-batch.js';
import type { FrameDecoder } from '../../src/core/ports/frame-decoder.js';
import { type WorkRows, workFields, workPlaces, workSays } from '../../src/core/work-rows.js';
import { SideBuffer } from '../../src/decode/side-buffer.js';
import { sliceOf } from '../window/window-slices.js';

/** An event as the scripted decoder reads it. */
export interface ScriptedEvent {
  /** What its row says, beside the tenant. */
  readonly name: string;
  readonly event_id?: string;
  /** Rejected with an error of its own. */
  readonly bad?: boolean;
  /** Has a content key: rejected unless the frame's tenant has opted in. */
  readonly content?: boolean;
  /** Ends what this number, above 0, stands for. */
  readonly ends?: number;
}

/** The row of an event: rows of a block are such texts end to end. One that ends what had ended says so. */
export function rowOf(tenant: string, name: string, conflicts = false): string {
  return `${tenant}:${name}${conflicts ? conflictMark : ''};`;
}

const conflictMark = '!';

/** Whether it is the row of an event that ends what had ended. */
export function isConflicting(row: string): boolean {
  return row.endsWith(`${conflictMark};`);
}

export function rowsOf(rows: Uint8Array): string[] {
  return (
    Buffer.from(rows)
      .toString()
      .match(/[^;]*;/g) ?? []
  );
}

interface HeldBatch {
  readonly frames: readonly string[];
  readonly decode: () => void;
  readonly fail: (code: 'internal' | 'overloaded') => void;
}

/**
 * Decodes JSON frames `{seq?, events}` to rows that can be read, from their bytes as they are when it answers. While it
 * holds, a batch is answered when the test says so, in any order.
 */
export class ScriptedDecoder implements FrameDecoder {
  /** Batches wait in `held` until they are decoded or failed by hand. */
  holds = false;
  workers = 2;
  readonly held: HeldBatch[] = [];
  /** Batches taken so far, those decoded again included. */
  taken = 0;
  /** Buffers of lists that were given out and not taken back. */
  sidesOut = 0;
  #underWay = 0;

  /** As a thread that writes other rows into them. */
  takeBack(rows: Uint8Array): void {
    rows.fill(0x3f);
  }

  /** As a thread that writes the lists of another batch there. */
  takeBackSide(side: ArrayBufferLike): void {
    this.sidesOut -= 1;
    new Uint8Array(side).fill(0x3f);
  }

  idleWorkers(): number {
    return Math.max(0, this.workers - this.#underWay);
  }

  async decode(batch: FrameBatch): Promise<DecodedBatch> {
    this.taken++;
    this.#underWay++;
    try {
      if (this.holds) await this.#hold(batch);
      const decoded = decodeFrames(batch);
      this.sidesOut += 1;
      return decoded;
    } finally {
      this.#underWay--;
    }
  }

  /** Decodes what is held, oldest first, and what comes from now on at once. */
  letGo(): void {
    this.holds = false;
    for (const { decode } of this.held.splice(0)) decode();
  }

  #hold(batch: FrameBatch): Promise<void> {
    const frames = batch.frames.map(({ offset, length }) => Buffer.from(batch.bytes, offset, length).toString());
    return new Promise((resolve, reject) => {
      this.held.push({
        frames,
        decode: resolve,
        fail: (code) => reject(new CollectorError(code, 'the thread that had the batch is gone')),
      });
    });
  }
}

interface Fingerprint {
  readonly low: number;
  readonly high: number;
  readonly frame: number;
  readonly event: number;
}

function decodeFrames(batch: FrameBatch): DecodedBatch {
  const rows: string[] = [];
  const ids: Fingerprint[] = [];
  const attempts: number[] = [];
  const events: number[] = [];
  const frames = batch.frames.map((range, frame) => {
    const before = rows.length;
    const decoded = decodeFrame(Buffer.from(batch.bytes, range.offset, range.length).toString(), range, {
      row: ({ name, ends }, event) => {
        const conflicts = range.conflictingEvents?.includes(event) === true;
        if (ends !== undefined) attempts.push(...endOf(ends, { row: rows.length, conflicts }));
        rows.push(rowOf(range.tenant, name, conflicts));
        events.push(event);
      },
      id: (id, event) => void ids.push({ ...fingerprintOf(range.tenant, id), frame, event }),
    });
    return { ...decoded, rows: rows.length - before };
  });
  const block = new Uint8Array(Buffer.from(rows.join('')));
  const side = new SideBuffer();
  side.begin(new ArrayBuffer(1_024));
  const column = (name: keyof Fingerprint) => {
    const list = Uint32Array.from(ids, (id) => id[name]);
    return side.copy(list, list.length);
  };
  const eventIds = { low: column('low'), high: column('high'), frame: column('frame'), event: column('event') };
  const work: WorkRows = {
    attempts: side.copy(Float64Array.from(attempts), attempts.length),
    namings: new Float64Array(0),
    events: side.copy(Uint32Array.from(events), events.length),
    cells: null,
  };
  return {
    bytes: batch.bytes,
    rows: block,
    rowCount: rows.length,
    rowsCrc: crc32(block),
    frames,
    eventIds: ids.length === 0 ? null : eventIds,
    slices: rows
      .filter((row) => !isConflicting(row))
      .map((row) => sliceOf(batch.receivedMs, [1], { tenant: row.slice(0, row.indexOf(':')) })),
    lifecycle: noLifecycle,
    work,
    live: null,
    clampedCount: 0,
    redactedCount: 0,
    unknownFieldCount: 0,
    side: side.take(),
  };
}

/** What the memory of what is under way is told of an end. */
function endOf(key: number, { row, conflicts }: { readonly row: number; readonly conflicts: boolean }): number[] {
  const fields = new Array<number>(workFields).fill(-1);
  fields[workPlaces.key] = key;
  fields[workPlaces.row] = row;
  fields[workPlaces.says] = workSays.ends | (conflicts ? workSays.conflicts : 0);
  fields[workPlaces.momentMs] = 1;
  return fields;
}

/** As the product's: seeded by the tenant, so that one id of two tenants is two. */
function fingerprintOf(tenant: string, id: string): { readonly low: number; readonly high: number } {
  return { low: crc32(`${tenant}\0${id}`), high: crc32(`${id}\0${tenant}`) };
}

function decodeFrame(
  text: string,
  range: FrameRange,
  keep: {
    readonly row: (event: ScriptedEvent, index: number) => void;
    readonly id: (id: string, event: number) => void;
  },
): DecodedFrame {
  let frame: { readonly seq?: number; readonly events: readonly ScriptedEvent[] };
  try {
    frame = JSON.parse(text);
  } catch {
    const fault = { code: 'frame_malformed', message: 'it is not JSON' } as const;
    return { seq: null, events: 0, accepted: 0, rows: 0, rejected: 0, errors: [], rejectedByCode: {}, fault };
  }
  const errors: EventError[] = [];
  for (const [index, event] of frame.events.entries()) {
    if (event.bad || (event.content && !range.contentAllowed)) {
      errors.push({ index, code: event.bad ? 'field_type' : 'content_refused', path: 'name', message: 'it is bad' });
    } else if (!range.duplicate && !range.duplicateEvents.includes(index)) {
      if (event.event_id !== undefined) keep.id(event.event_id, index);
      keep.row(event, index);
    }
  }
  const rejected = errors.length;
  return {
    seq: frame.seq ?? null,
    events: frame.events.length,
    accepted: frame.events.length - rejected,
    rows: 0,
    rejected,
    errors,
    rejectedByCode: Object.fromEntries(errors.map(({ code }) => [code, errors.filter((e) => e.code === code).length])),
    fault: null,
  };
}
