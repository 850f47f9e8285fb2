import { crc32 } from 'node:zlib';
import type { DecodedBatch, DecodedFrame, EventContext, FrameBatch, FrameRange } from '../core/event-batch.js';
import { isTerminalType } from '../core/event-types.js';
import type { FrameLimits } from '../core/limits.js';
import { type ByteSource, createByteSource, createTextSource, equalRanges } from './byte-range.js';
import { EventBlock } from './event-block.js';
import { EventRules } from './event-rules.js';
import { fieldIndex } from './field-table.js';
import { FingerprintList } from './fingerprints.js';
import { type EventSink, FrameReader } from './frame-reader.js';
import { FrameReport } from './frame-report.js';
import { GrowingList } from './growing-list.js';
import { JsonFrame } from './json-frame.js';
import { LifecycleRows } from './lifecycle-rows.js';
import { LiveRows } from './live-rows.js';
import { SideBuffer } from './side-buffer.js';
import type { StagedEvent } from './staged-event.js';
import { sliceRows } from './window-slices.js';

export interface BatchDecoder {
  /** Never throws for any bytes. */
  decode(batch: FrameBatch): DecodedBatch;
}

/** A decoder with buffers of its own, reused from batch to batch: one a worker. */
export function createBatchDecoder(limits: FrameLimits): BatchDecoder {
  const state = new BatchState(limits);
  return { decode: (batch) => state.decode(batch) };
}

/** Containers around an event in a frame: the envelope and its array. */
const envelopeLevels = 2;
const eventIdField = fieldIndex('event_id');
const typeField = fieldIndex('type');
const runIdField = fieldIndex('run_id');
const userIdField = fieldIndex('user_id');
const nameField = fieldIndex('name');
const stepKindField = fieldIndex('step_kind');
const noEvents: readonly number[] = [];
const noContexts: readonly EventContext[] = [];
const tsField = fieldIndex('ts');

class BatchState implements EventSink {
  readonly #limits: FrameLimits;
  readonly #report: FrameReport;
  readonly #frames: FrameReader;
  readonly #json: JsonFrame;
  readonly #block = new EventBlock();
  readonly #rules: EventRules;
  readonly #fingerprints = new FingerprintList();
  readonly #lifecycle = new LifecycleRows();
  readonly #live = new LiveRows();
  readonly #side = new SideBuffer();
  readonly #lacking = new GrowingList(Uint32Array, 1_024);
  /** Index of the event of each row within its frame. */
  readonly #rowEvents = new GrowingList(Uint32Array, 4_096);
  #clampedCount = 0;
  /** Of the frame being read. */
  #frameIndex = 0;
  #tenantKey = 0;
  /** The user every event is of; null: whoever it names. */
  #user: ByteSource | null = null;
  #isDuplicate = false;
  #duplicateEvents: readonly number[] = [];
  #duplicatesPassed = 0;
  #conflicting: readonly number[] = noEvents;
  #conflictsPassed = 0;
  #contexts: readonly EventContext[] = noContexts;
  #contextsPassed = 0;

  constructor(limits: FrameLimits) {
    this.#limits = limits;
    this.#report = new FrameReport(limits.errorsListedMax);
    this.#frames = new FrameReader(limits, this.#report, this);
    // One level more than an event may have, so that what is too deep is still seen to be.
    this.#json = new JsonFrame(limits.nestingMax + envelopeLevels + 1);
    this.#rules = new EventRules(limits);
  }

  decode(batch: FrameBatch): DecodedBatch {
    try {
      return this.#decode(batch);
    } finally {
      this.#block.clear();
      this.#fingerprints.clear();
      this.#rowEvents.clear();
    }
  }

  #decode(batch: FrameBatch): DecodedBatch {
    const source = createByteSource(batch.bytes);
    const tenants = new Map<string, ByteSource>();
    const frames: DecodedFrame[] = [];
    let unknownFieldCount = 0;
    this.#clampedCount = 0;
    this.#rules.begin(batch.clockMs);
    for (const range of batch.frames) {
      this.#frameIndex = frames.length;
      frames.push(this.#frame(range, source, tenants));
      unknownFieldCount += this.#report.unknownCount;
    }
    const block = this.#block;
    const rows = block.encode(batch.receivedMs, batch.spare ?? null);
    const side = this.#side;
    side.begin(batch.side ?? null);
    const slices = sliceRows(block, this.#lacking);
    const lifecycle = this.#lifecycle.changes(block, this.#lacking, side);
    const work = this.#lifecycle.work(block, this.#rowEvents.values, side);
    return {
      bytes: batch.bytes,
      rows,
      rowCount: block.rows,
      rowsCrc: work.cells === null ? crc32(rows) : null,
      frames,
      eventIds: this.#fingerprints.copy(side),
      slices,
      lifecycle,
      work,
      live: this.#live.events(block, batch),
      clampedCount: this.#clampedCount,
      redactedCount: block.maskedCount,
      unknownFieldCount,
      side: side.take(),
    };
  }

  #frame(range: FrameRange, source: ByteSource, tenants: Map<string, ByteSource>): DecodedFrame {
    const report = this.#report;
    const block = this.#block;
    const clampedBefore = this.#clampedCount;
    const rowsBefore = block.rows;
    report.begin();
    block.mark();
    this.#fingerprints.mark();
    this.#beginFrame(range, tenants);
    this.#read(range, source);
    if (report.failed) {
      block.restore();
      this.#fingerprints.restore();
      this.#rowEvents.length = rowsBefore;
      this.#clampedCount = clampedBefore;
      report.unknownCount = 0;
    }
    report.rows = block.rows - rowsBefore;
    return report.finish();
  }

  #beginFrame(range: FrameRange, tenants: Map<string, ByteSource>): void {
    let tenant = tenants.get(range.tenant);
    if (tenant === undefined) {
      tenant = createTextSource(range.tenant);
      tenants.set(range.tenant, tenant);
    }
    this.#tenantKey = this.#block.internTenant(tenant);
    this.#user = range.user == null ? null : createTextSource(range.user);
    // Users choose ids for themselves: one cannot make the event of another look like a repetition.
    this.#fingerprints.beginTenant(this.#user === null ? tenant : createTextSource(`${range.tenant}\0${range.user}`));
    this.#isDuplicate = range.duplicate;
    this.#duplicateEvents = range.duplicateEvents;
    this.#duplicatesPassed = 0;
    this.#conflicting = range.conflictingEvents ?? noEvents;
    this.#conflictsPassed = 0;
    this.#contexts = range.contexts ?? noContexts;
    this.#contextsPassed = 0;
    this.#frames.reader.allowContent(range.contentAllowed);
  }

  #read(range: FrameRange, source: ByteSource): void {
    const { frameBytesMax, eventsPerFrameMax } = this.#limits;
    const end = range.offset + range.length;
    if (range.length > frameBytesMax) {
      this.#report.fail('frame_too_large', `it has more than ${frameBytesMax} bytes`);
    } else if (range.length === 0) {
      this.#report.fail('frame_empty', 'it has no bytes');
    } else if (range.format === 'msgpack') {
      this.#frames.reader.bind(source, end);
      this.#frames.frame(range.offset);
    } else if (range.format === 'json') {
      const fault = this.#json.pack(source.bytes.subarray(range.offset, end));
      if (fault !== null) {
        this.#report.fail('frame_malformed', fault);
        return;
      }
      this.#frames.reader.bind(this.#json.source, this.#json.end);
      this.#frames.frame(0);
    } else {
      const lines = this.#json.packLines(source.bytes.subarray(range.offset, end), eventsPerFrameMax);
      if (lines > eventsPerFrameMax) {
        this.#report.fail('frame_too_many_events', `it holds more than ${eventsPerFrameMax} events`);
        return;
      }
      this.#frames.reader.bind(this.#json.source, this.#json.end);
      this.#frames.sequence(0);
    }
  }

  /** Hot path: once an event, when it has been read. */
  event(): void {
    const event = this.#frames.staged;
    const report = this.#report;
    const { source } = this.#frames.reader;
    if (event.errorCode === null) this.#rules.check(event);
    if (this.#user !== null && event.errorCode === null) checkUser(event, source, this.#user);
    if (event.errorCode !== null) {
      report.reject(event, source);
      return;
    }
    const { index } = report;
    report.accepted++;
    if (this.#isDuplicate || this.#isDuplicateEvent(index)) return;
    if (event.has(eventIdField)) {
      const offset = event.offsets[eventIdField]!;
      this.#fingerprints.add(source, offset, event.lengths[eventIdField]!, this.#frameIndex, index);
    } else if (isTerminalType[event.numbers[typeField]!]) {
      this.#fingerprints.addSaid(event, source, this.#frameIndex, index);
    }
    if (this.#rules.settle(event)) this.#noteClamped(event, index);
    this.#rowEvents.push(index);
    this.#block.append(event, source, this.#tenantKey);
    if (this.#user !== null && !event.has(userIdField)) this.#block.setUser(this.#user);
    if (this.#conflicting.length > 0) this.#markConflict(index);
    if (this.#contexts.length > 0) this.#fill(event, index);
  }

  #markConflict(index: number): void {
    const indices = this.#conflicting;
    while (this.#conflictsPassed < indices.length && indices[this.#conflictsPassed]! < index) this.#conflictsPassed++;
    if (indices[this.#conflictsPassed] !== index) return;
    this.#block.setConflict();
    this.#report.conflictingEnd(index);
  }

  #fill(event: StagedEvent, index: number): void {
    const contexts = this.#contexts;
    while (this.#contextsPassed < contexts.length && contexts[this.#contextsPassed]!.event < index) {
      this.#contextsPassed++;
    }
    for (let at = this.#contextsPassed; contexts[at]?.event === index; at++) {
      const { runId, name, stepKind = 0 } = contexts[at]!;
      if (runId !== undefined && !event.has(runIdField)) this.#block.setRun(createTextSource(runId));
      if (name !== undefined && !event.has(nameField)) this.#block.setName(createTextSource(name));
      if (stepKind > 0 && !event.has(stepKindField)) this.#block.setStepKind(stepKind);
    }
  }

  #noteClamped(event: StagedEvent, index: number): void {
    this.#clampedCount++;
    this.#report.clamped(index, event.numbers[tsField]!);
  }

  /** The indices ascend, as events do. */
  #isDuplicateEvent(index: number): boolean {
    const indices = this.#duplicateEvents;
    while (this.#duplicatesPassed < indices.length && indices[this.#duplicatesPassed]! < index)
      this.#duplicatesPassed++;
    return indices[this.#duplicatesPassed] === index;
  }
}

function checkUser(event: StagedEvent, source: ByteSource, user: ByteSource): void {
  if (!event.has(userIdField)) return;
  const length = event.lengths[userIdField]!;
  const isSame =
    length === user.bytes.length && equalRanges(source, event.offsets[userIdField]!, user, 0, user.bytes.length);
  if (!isSame) event.fail('user_foreign', userIdField);
}
