import { crc32 } from 'node:zlib';
import type { Random } from '../../src/core/clock.js';
import type { EventIdList } from '../../src/core/event-batch.js';
import type { EventIdSink } from '../../src/core/ports/event-id-sink.js';
import type { SpoolAppender, SpoolFrame } from '../../src/core/ports/spool-appender.js';
import { randomInteger } from '../support/seeded-random.js';

interface Producer {
  readonly name: string;
  next: number;
  /** Sent and not acknowledged, by number. */
  readonly pending: Map<number, readonly string[]>;
}

/** An event that is sent by its id, without a producer's number. */
interface LoneEvent {
  readonly id: number;
  state: 'unsent' | 'underway' | 'acknowledged';
}

/** Event ids that the collector knows, as its memory of them does. */
export class KnownEventIds implements EventIdSink {
  readonly ids = new Set<number>();

  restore({ low }: EventIdList): number {
    for (const id of low) this.ids.add(id);
    return low.length;
  }

  forgotten(): void {}
}

/**
 * Those who send: producers that number their frames, and clients that name their events. They send again what was not
 * acknowledged, the same under the same number or id, after the collector has told them what it has. The part of the
 * collector that numbers frames and drops repeated ones is modelled here as well, by its rules.
 */
export class Clients {
  readonly acknowledged = new Set<string>();
  readonly sent = new Set<string>();
  readonly #random: Random;
  readonly #producers: readonly Producer[];
  readonly #loneEvents: LoneEvent[] = [];
  /** What a producer has sent under a number, to send the same again. */
  readonly #frames = new Map<string, readonly string[]>();
  /** Counts reconnections, so that failures of what has been given up already are known. */
  #connection = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#producers = ['a', 'b', 'c'].map((name) => ({ name, next: 1, pending: new Map() }));
  }

  /** One batch: the next frame of one or more producers, or events by their ids. */
  send(spool: SpoolAppender, known: KnownEventIds, receivedMs: number): void {
    if (this.#random() < 0.25) this.#sendLone(spool, known, receivedMs);
    else this.#sendFrames(spool, receivedMs);
  }

  /** The connections are gone, with the process or after a batch that failed. */
  reconnect(spool: SpoolAppender): void {
    this.#connection++;
    for (const producer of this.#producers) {
      const last = spool.lastSeq('acme', producer.name);
      for (const [seq, events] of producer.pending) if (seq <= last) this.#acknowledge(events);
      producer.next = last + 1;
      producer.pending.clear();
    }
    for (const event of this.#loneEvents) if (event.state === 'underway') event.state = 'unsent';
  }

  #sendFrames(spool: SpoolAppender, receivedMs: number): void {
    const first = randomInteger(this.#random, { min: 0, max: 2 });
    const senders = this.#producers.slice(first, first + randomInteger(this.#random, { min: 1, max: 2 }));
    const frames = senders.map((producer) => ({ producer, seq: producer.next, events: this.#eventsOf(producer) }));
    const events = frames.flatMap((frame) => frame.events);
    const described = frames.map(({ producer, seq, events: { length: rows } }) => ({
      tenant: 'acme',
      producer: producer.name,
      seq,
      rows,
    }));
    const outcome = spool.tryAppend(batchOf(events, described, { receivedMs, ids: null }));
    if (outcome.status !== 'appended') return;
    for (const { producer, seq, events: own } of frames) {
      producer.next = seq + 1;
      producer.pending.set(seq, own);
    }
    this.#await(spool, outcome.durable, () => {
      for (const { producer, seq, events: own } of frames) {
        producer.pending.delete(seq);
        this.#acknowledge(own);
      }
    });
  }

  #sendLone(spool: SpoolAppender, known: KnownEventIds, receivedMs: number): void {
    const event = this.#nextLone();
    const name = `e${event.id}`;
    this.sent.add(name);
    if (known.ids.has(event.id)) {
      event.state = 'acknowledged';
      this.#acknowledge([name]);
      return;
    }
    const frame = { tenant: 'acme', producer: '', seq: 0, rows: 1 };
    const outcome = spool.tryAppend(batchOf([name], [frame], { receivedMs, ids: [event.id] }));
    if (outcome.status !== 'appended') return;
    event.state = 'underway';
    known.ids.add(event.id);
    outcome.durable.catch(() => known.ids.delete(event.id));
    this.#await(spool, outcome.durable, () => {
      event.state = 'acknowledged';
      this.#acknowledge([name]);
    });
  }

  /** A new one, or one again: one that is not acknowledged, or that its sender does not know to be. */
  #nextLone(): LoneEvent {
    const resent = this.#loneEvents[Math.floor(this.#random() * this.#loneEvents.length * 2)];
    if (resent !== undefined && resent.state !== 'underway') return resent;
    const event: LoneEvent = { id: this.#loneEvents.length + 1, state: 'unsent' };
    this.#loneEvents.push(event);
    return event;
  }

  #await(spool: SpoolAppender, durable: Promise<void>, acknowledge: () => void): void {
    const connection = this.#connection;
    durable.then(
      () => {
        // An answer that comes after the connection is gone reaches nobody.
        if (connection === this.#connection) acknowledge();
      },
      () => {
        if (connection === this.#connection) this.reconnect(spool);
      },
    );
  }

  #eventsOf(producer: Producer): readonly string[] {
    const key = `${producer.name}${producer.next}`;
    let events = this.#frames.get(key);
    if (events === undefined) {
      const count = randomInteger(this.#random, { min: 1, max: 3 });
      events = Array.from({ length: count }, (_, index) => `${key}.${index}`);
      this.#frames.set(key, events);
    }
    for (const event of events) this.sent.add(event);
    return events;
  }

  #acknowledge(events: readonly string[]): void {
    for (const event of events) this.acknowledged.add(event);
  }
}

function batchOf(
  events: readonly string[],
  frames: readonly SpoolFrame[],
  { receivedMs, ids }: { readonly receivedMs: number; readonly ids: readonly number[] | null },
) {
  const rows = Buffer.from(events.map((event) => `${event};`).join(''), 'latin1');
  const eventIds = ids === null ? null : { low: Uint32Array.from(ids), high: Uint32Array.from(ids) };
  return { rows, rowCount: events.length, rowsCrc: crc32(rows), receivedMs, frames, eventIds };
}
