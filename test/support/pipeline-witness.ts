import { expect } from 'vitest';
import type { Connection, IngestRig, StreamText } from './ingest-rig.js';
import type { ScriptedAppender } from './scripted-appender.js';
import { isConflicting, rowOf, type ScriptedEvent } from './scripted-decoder.js';

/** Events that are kept or not as one: a frame of a connection, or one sending of a request. */
export interface Parcel {
  readonly tenant: string;
  readonly events: readonly ScriptedEvent[];
  /** Whose order it has a place in, null for none. */
  readonly producer: string | null;
  readonly seq: number;
  /** Its sender was told that nothing of it is kept, and will not send it again. */
  isRefused: boolean;
}

interface Place {
  readonly parcel: Parcel;
  readonly index: number;
  readonly event: ScriptedEvent;
}

/**
 * Sees what becomes durable and what is promised to whom, and knows what must not be: a row twice, an event id twice,
 * two frames of a producer in another order than it sent them, an end that contradicts nothing, a row of what was
 * refused, a promise of what is not durable.
 */
export class PipelineWitness {
  readonly #rig: IngestRig<ScriptedAppender>;
  readonly #places = new Map<string, Place>();
  /** By producer, the place of its newest row. */
  readonly #newest = new Map<string, Place>();
  readonly #rows = new Set<string>();
  readonly #ids = new Set<string>();
  readonly #ended = new Set<number>();
  #seen = 0;
  /** Frames and bytes handed to the pipeline. */
  submitted = 0;
  submittedBytes = 0;
  conflicts = 0;

  constructor(rig: IngestRig<ScriptedAppender>) {
    this.#rig = rig;
    const { pipeline } = rig;
    const submit = pipeline.submit.bind(pipeline);
    pipeline.submit = (frame) => {
      this.submitted += 1;
      this.submittedBytes += frame.bytes.byteLength;
      submit(frame);
    };
    const submitFault = pipeline.submitFault.bind(pipeline);
    pipeline.submitFault = (origin, fault) => {
      this.submitted += 1;
      submitFault(origin, fault);
    };
  }

  expectRowsOf(parcel: Parcel): void {
    for (const [index, event] of parcel.events.entries()) {
      this.#places.set(rowOf(parcel.tenant, event.name), { parcel, index, event });
    }
  }

  /** Reads what has become durable since the last look. */
  look(): void {
    const { durable } = this.#rig.appender;
    for (; this.#seen < durable.length; this.#seen++) this.#check(durable[this.#seen]!);
    const { totals, pipeline } = this.#rig;
    const outcomes = [...totals.outcomes.values()].reduce((sum, count) => sum + count, 0);
    expect(pipeline.eventsUnderway, 'events under way').toBe(totals.received - outcomes);
  }

  #check(row: string): void {
    const conflicts = isConflicting(row);
    const plain = conflicts ? row.replace('!', '') : row;
    const place = this.#places.get(plain);
    if (place === undefined) throw new Error(`nobody sent ${row}`);
    const { parcel, event, index } = place;
    const { tenant, producer, seq } = parcel;
    expect(this.#rows.has(plain), `${row} is durable twice`).toBe(false);
    this.#rows.add(plain);
    expect(event.bad ?? false, `${row} is of a bad event`).toBe(false);
    expect(parcel.isRefused, `${row} was refused`).toBe(false);
    if (event.event_id !== undefined) {
      const id = `${tenant} ${event.event_id}`;
      expect(this.#ids.has(id), `an event of the id of ${row} is durable already`).toBe(false);
      this.#ids.add(id);
    }
    if (event.ends !== undefined) {
      expect(conflicts, `${row} ends what had ended`).toBe(this.#ended.has(event.ends));
      this.#ended.add(event.ends);
      if (conflicts) this.conflicts += 1;
    }
    if (producer === null) return;
    const before = this.#newest.get(`${tenant} ${producer}`);
    const isLater =
      before === undefined || seq > before.parcel.seq || (seq === before.parcel.seq && index > before.index);
    expect(isLater, `${row} comes behind frame ${before?.parcel.seq}`).toBe(true);
    this.#newest.set(`${tenant} ${producer}`, place);
  }

  /** Whether each good event is durable, by itself or by one with its id. */
  isKept({ tenant, events }: Parcel): boolean {
    return events.every(({ name, event_id, bad }) => {
      if (bad) return true;
      return event_id === undefined ? this.#rows.has(rowOf(tenant, name)) : this.#ids.has(`${tenant} ${event_id}`);
    });
  }

  hasRowsOf({ tenant, events }: Parcel): boolean {
    return events.some(({ name }) => this.#rows.has(rowOf(tenant, name)));
  }

  /** Nothing is under way, and every frame and event has one outcome. */
  expectBalance(): void {
    this.look();
    const { totals, pipeline, windows, appender } = this.#rig;
    const sum = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((all, count) => all + count, 0);
    const outcomes = ['durable', 'duplicate', 'rejected', 'refused'].map((outcome) => totals.of(outcome));
    const executions = appender.durable.length - this.conflicts;
    expect({
      received: totals.received,
      underway: pipeline.eventsUnderway,
      bytes: pipeline.bytesInFlight,
      durable: totals.of('durable'),
      windows: sum(windows),
      executions: totals.executions,
      rejected: totals.of('rejected'),
      frames: sum(totals.frames),
      acknowledged: totals.ackSeconds.length,
      frameBytes: totals.frameBytes,
    }).toEqual({
      received: outcomes.reduce((all, count) => all + count),
      underway: 0,
      bytes: 0,
      durable: appender.durable.length,
      windows: executions,
      executions,
      rejected: sum(totals.rejected),
      frames: this.submitted,
      acknowledged: (totals.frames.get('accepted') ?? 0) + (totals.frames.get('duplicate') ?? 0),
      frameBytes: this.submittedBytes,
    });
  }
}

/** What one connection is told, against what was sent on it. */
export class ConnectionWitness {
  readonly #connection: Connection;
  readonly #witness: PipelineWitness;
  /** Every frame of the producer, on this connection or an earlier one. */
  readonly #frames: readonly Parcel[];
  readonly #sent = new Set<Parcel>();
  readonly #rejected = new Set<number>();
  #heard = 0;
  #acked = 0;
  #isOver = false;

  constructor(connection: Connection, witness: PipelineWitness, frames: readonly Parcel[]) {
    this.#connection = connection;
    this.#witness = witness;
    this.#frames = frames;
  }

  sent(frame: Parcel): void {
    this.#sent.add(frame);
  }

  /** Highest number that the client knows to be durable. */
  hear(): number {
    const { received } = this.#connection;
    for (; this.#heard < received.length; this.#heard++) this.#take(received[this.#heard]!);
    return this.#acked;
  }

  #take(text: StreamText): void {
    expect(this.#isOver, `${text.op} after the error`).toBe(false);
    if (text.op === 'hello') this.#promise(text.last_seq);
    else if (text.op === 'ack') {
      expect(text.seq, 'acknowledgements go back').toBeGreaterThanOrEqual(this.#acked);
      for (const { seq, events } of this.#sent) {
        if (seq > text.seq || seq <= this.#acked || !events.some(({ bad }) => bad)) continue;
        expect(this.#rejected.has(seq), `${seq} is acknowledged before its events are rejected`).toBe(true);
      }
      this.#promise(text.seq);
    } else if (text.op === 'reject') {
      const frame = [...this.#sent].find(({ seq }) => seq === text.seq);
      expect(text.accepted, `accepted of ${text.seq}`).toBe(frame?.events.filter(({ bad }) => !bad).length);
      this.#rejected.add(text.seq);
    } else if (text.op === 'error') this.#isOver = true;
  }

  #promise(seq: number): void {
    for (const frame of this.#frames) {
      if (frame.seq > seq || frame.seq <= this.#acked) continue;
      expect(this.#witness.isKept(frame), `frame ${frame.seq} is acknowledged and not durable`).toBe(true);
    }
    this.#acked = seq;
  }
}
