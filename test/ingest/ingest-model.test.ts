import { expect, test } from 'vitest';
import type { Random } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import { EventIdMemory } from '../../src/ingest/event-id-memory.js';
import { createSpool, type Spool } from '../../src/spool/spool.js';
import { defaultSpoolLimits } from '../support/default-config.js';
import { FakeClock } from '../support/fake-clock.js';
import { FaultyFileSystem } from '../support/faulty-file-system.js';
import { type Connection, createIngestOver, type IngestRig } from '../support/ingest-rig.js';
import { rowOf, rowsOf, type ScriptedEvent } from '../support/scripted-decoder.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';
import { SpoolTotals, settle, spoolDirectory } from '../support/spool-rig.js';

const tenants = ['acme', 'globex'] as const;
const producers = ['p', 'q'] as const;

interface Frame {
  readonly seq: number;
  readonly events: readonly ScriptedEvent[];
}

/** A client of the wire protocol: keeps what is not acknowledged, and sends it again when it has to connect again. */
class Client {
  readonly tenant: string;
  readonly producer: string;
  connection: Connection | null = null;
  /** Not acknowledged, oldest first. */
  pending: Frame[] = [];
  /** Highest number sent on this connection. */
  sent = 0;
  next = 1;

  constructor(tenant: string, producer: string) {
    this.tenant = tenant;
    this.producer = producer;
  }
}

/** A request that is sent with the same key until it is answered. */
interface Request {
  readonly tenant: string;
  readonly key: string;
  readonly events: readonly ScriptedEvent[];
}

/**
 * Clients of two tenants with the same producers, keys and event ids, before an ingest stage over a real spool on a
 * disk that fails, is full and is killed, with threads that finish in any order and die.
 */
class World {
  readonly #random: Random;
  #disk = new FaultyFileSystem();
  #ingest!: IngestRig<Spool>;
  #clock!: FakeClock;
  readonly #clients = tenants.flatMap((tenant) => producers.map((producer) => new Client(tenant, producer)));
  /** Waiting to be sent, again or for the first time, and on their way. */
  #requests: Request[] = [];
  readonly #asked = new Set<Request>();
  /** Rows of delivered segments by the segment's id. */
  readonly store = new Map<string, readonly string[]>();
  /** Rows whose event was acknowledged; each must be in the store once. */
  readonly acknowledged = new Set<string>();
  readonly #events = new Map<string, ScriptedEvent[]>(tenants.map((tenant) => [tenant, []]));
  #names = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  async run(steps: number): Promise<void> {
    await this.#start();
    for (let step = 0; step < steps; step++) {
      await this.#step();
      await settle(this.#integer(0, 3));
      this.#hear();
    }
    await this.#drain();
  }

  async #step(): Promise<void> {
    const { decoder } = this.#ingest;
    const choice = this.#random();
    if (choice < 0.55) this.#send();
    else if (choice < 0.65) this.#post();
    else if (choice < 0.7) decoder.holds = true;
    else if (choice < 0.8) decoder.held.splice(this.#integer(0, 2), 1)[0]?.decode();
    else if (choice < 0.82) decoder.held.splice(0, 1)[0]?.fail(this.#random() < 0.5 ? 'internal' : 'overloaded');
    else if (choice < 0.86) decoder.letGo();
    else if (choice < 0.9) this.#failSoon();
    else if (choice < 0.95) await this.#deliver();
    else if (choice < 0.97) this.#clock.advance(1_000);
    else if (choice < 0.98) this.#clients[this.#integer(0, 3)]?.connection?.close(1006);
    else await this.#restart(this.#random() < 0.5 ? this.#disk.kill() : this.#disk.crash(this.#random));
  }

  // ── clients ───────────────────────────────────────────────────────────────────────────────────────────────

  #send(): void {
    const client = this.#clients[this.#integer(0, this.#clients.length - 1)]!;
    const { connection, pending } = client;
    if (connection === null || connection.closeCode !== null) {
      client.connection = this.#ingest.connect(client.tenant, client.producer);
      client.sent = 0;
      return;
    }
    if (connection.lastSeq === undefined) return;
    const unsent = pending.find(({ seq }) => seq > client.sent);
    if (unsent === undefined && pending.length > 6) return;
    const frame = unsent ?? { seq: client.next, events: this.#newEvents(client.tenant) };
    if (unsent === undefined) {
      client.next += this.#random() < 0.1 ? 3 : 1;
      pending.push(frame);
    }
    client.sent = frame.seq;
    connection.frame(frame.seq, ...frame.events);
    if (this.#random() < 0.1) connection.frame(frame.seq, ...frame.events);
    // What cannot be read ends the connection; nothing behind it may be kept.
    if (this.#random() < 0.02) connection.text('{');
  }

  /** What the clients have been told by now. */
  #hear(): void {
    for (const client of this.#clients) {
      const { connection } = client;
      if (connection === null) continue;
      const durable = Math.max(connection.lastSeq ?? 0, connection.acked);
      for (const { seq, events } of client.pending) if (seq <= durable) this.#acknowledge(client.tenant, events);
      client.pending = client.pending.filter(({ seq }) => seq > durable);
      client.sent = Math.max(client.sent, durable);
    }
  }

  /** A new one, or one that was refused before; now and then one that is on its way already. */
  #post(): void {
    const tenant = tenants[this.#integer(0, 1)]!;
    const waiting = this.#requests.shift();
    const request = waiting ?? { tenant, key: `k${this.#names++}`, events: this.#newEvents(tenant) };
    this.#ask(request);
    if (this.#random() < 0.2) this.#ask(request);
  }

  #ask(request: Request): void {
    const ingest = this.#ingest;
    this.#asked.add(request);
    ingest.post(request.tenant, request.events, { key: request.key }).then(
      () => {
        if (ingest !== this.#ingest) return;
        this.#asked.delete(request);
        this.#acknowledge(request.tenant, request.events);
      },
      () => {
        if (ingest === this.#ingest && this.#asked.delete(request)) this.#requests.push(request);
      },
    );
  }

  /** Some repeat an event of another client, some are bad. */
  #newEvents(tenant: string): ScriptedEvent[] {
    const sent = this.#events.get(tenant)!;
    return Array.from({ length: this.#integer(1, 3) }, () => {
      const repeated = sent[sent.length - this.#integer(1, 8)];
      if (repeated !== undefined && this.#random() < 0.1) return repeated;
      const name = `e${this.#names++}`;
      const event = { name, event_id: name, bad: this.#random() < 0.05 };
      sent.push(event);
      return event;
    });
  }

  #acknowledge(tenant: string, events: readonly ScriptedEvent[]): void {
    for (const { name, bad } of events) if (!bad) this.acknowledged.add(rowOf(tenant, name));
  }

  // ── disk, store and process ───────────────────────────────────────────────────────────────────────────────

  #failSoon(): void {
    const operation = (['write', 'datasync', 'datasync', 'open', 'syncDirectory'] as const)[this.#integer(0, 4)]!;
    const code = this.#random() < 0.5 ? 'EIO' : 'ENOSPC';
    let left = 1;
    this.#disk.addFault((each) => (each === operation && left-- > 0 ? code : null));
  }

  async #deliver(): Promise<void> {
    const spool = this.#ingest.appender;
    const segment = spool.peek();
    if (segment === null) return;
    const rows = rowsOf(this.#disk.content(segment.dataPath));
    expect(rows).toHaveLength(segment.rows);
    expect(this.store.get(segment.id) ?? rows).toEqual(rows);
    this.store.set(segment.id, rows);
    await spool.release(segment.id).catch(() => {});
  }

  async #restart(disk: FaultyFileSystem): Promise<void> {
    this.#requests.push(...this.#asked);
    this.#asked.clear();
    this.#disk = disk;
    await this.#start();
  }

  async #start(): Promise<void> {
    const eventIds = new EventIdMemory({ idsMax: 100_000, onForgotten() {} });
    const clock = new FakeClock();
    const { instruments } = new SpoolTotals();
    const spool = createSpool(
      { fileSystem: this.#disk, clock, logger: silentLogger, instruments, eventIds },
      {
        ...defaultSpoolLimits,
        directory: spoolDirectory,
        groupAgeMsMax: 0,
        segmentRowsMax: 8,
        pendingBytesMax: 60,
        producersMax: 10_000,
      },
    );
    await spool.start();
    this.#clock = clock;
    this.#ingest = createIngestOver(spool, { eventIds, clock, batchBytesMax: 400, batchesInFlightMax: 3 });
    this.#ingest.decoder.workers = 3;
    for (const client of this.#clients) client.connection = null;
  }

  /** The disk heals, every client is answered, and what is in the spool is delivered. */
  async #drain(): Promise<void> {
    await this.#restart(this.#disk.kill());
    const isOpen = () =>
      this.#asked.size + this.#requests.length > 0 || this.#clients.some((c) => c.pending.length > 0);
    for (let round = 0; isOpen(); round++) {
      if (round > 5_000) throw new Error('a client is never answered');
      this.#send();
      for (const request of this.#requests.splice(0, 1)) this.#ask(request);
      await settle(2);
      this.#hear();
      this.#clock.advance(100);
    }
    await this.#ingest.appender.stop(1_000);
    await this.#restart(this.#disk.kill());
    for (await settle(2); this.#ingest.appender.peek() !== null; await settle(2)) await this.#deliver();
  }

  #integer(min: number, max: number): number {
    return randomInteger(this.#random, { min, max });
  }
}

const seed = testSeed(20_261_126);
const worlds = 60;

test(`every acknowledged event is kept once, as its tenant's (seeds ${seed} … +${worlds})`, async () => {
  let acknowledged = 0;
  for (let world = seed; world < seed + worlds; world++) {
    const model = new World(seededRandom(world));
    await model.run(150);
    const rows = [...model.store.values()].flat();
    const twice = rows.filter((row, index) => rows.indexOf(row) !== index);
    const lost = [...model.acknowledged].filter((row) => !rows.includes(row));
    expect({ world, twice, lost }).toEqual({ world, twice: [], lost: [] });
    acknowledged += model.acknowledged.size;
  }
  expect(acknowledged).toBeGreaterThan(worlds * 50);
});
