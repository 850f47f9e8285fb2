import { expect, test } from 'vitest';
import type { Random } from '../../src/core/clock.js';
import type { FaultyFileSystem } from '../support/faulty-file-system.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';
import type { SpoolRig } from '../support/spool-rig.js';
import { settle, spoolBatch, startSpool } from '../support/spool-rig.js';

interface Frame {
  readonly producer: string;
  readonly seq: number;
}

/** A frame is one row that names it. */
function rowOf({ producer, seq }: Frame): string {
  return `${producer}${String(seq).padStart(6, '0')};`;
}

/** Its event id, as a number. */
function idOf({ producer, seq }: Frame): number {
  return producer.charCodeAt(0) * 1_000_000 + seq;
}

function rowOfId(id: number): string {
  return rowOf({ producer: String.fromCharCode(Math.floor(id / 1_000_000)), seq: id % 1_000_000 });
}

/**
 * A model of everything around the spool: producers that resend what was not acknowledged, a store that knows a
 * segment it has by its id, a disk that fails, processes that are killed and machines that lose power.
 */
class World {
  /** Rows by segment id. */
  readonly store = new Map<string, string>();
  readonly acknowledged = new Set<string>();
  readonly #random: Random;
  readonly #producers = new Map(['a', 'b', 'c', 'd'].map((name) => [name, { next: 1, pending: [] as number[] }]));
  #rig!: SpoolRig;
  /** Counts reconnections, so that failures of frames that have been given up already are known. */
  #connection = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  async run(steps: number): Promise<void> {
    await this.#start();
    for (let step = 0; step < steps; step++) await this.#step();
    await this.#drain();
  }

  async #step(): Promise<void> {
    const choice = this.#random();
    if (choice < 0.6) this.#send();
    else if (choice < 0.75) await this.#pause();
    else if (choice < 0.82) this.#rig.clock.advance(this.#integer(1, 1_500));
    else if (choice < 0.9) this.#deliver();
    else if (choice < 0.95) this.#failSoon();
    else if (choice < 0.975) await this.#restart(this.#rig.disk.crash(this.#random));
    else await this.#restart(this.#rig.disk.kill());
  }

  /** A batch with the next frame of one or two producers. */
  #send(): void {
    const senders = [...this.#producers].slice(this.#integer(0, 2)).slice(0, this.#integer(1, 2));
    const frames = senders.map(([producer, { next }]) => ({ producer, seq: next }));
    const content = Buffer.from(frames.map(rowOf).join(''));
    const { spool, clock } = this.#rig;
    const shape = { rows: frames.length, content, receivedMs: clock.nowMs(), frames, eventIds: frames.map(idOf) };
    const outcome = spool.tryAppend(spoolBatch(shape));
    if (outcome.status !== 'appended') return;
    for (const { producer, seq } of frames) {
      const state = this.#producers.get(producer)!;
      state.next = seq + 1;
      state.pending.push(seq);
    }
    const connection = this.#connection;
    outcome.durable.then(
      () => {
        for (const frame of frames) this.#acknowledge(frame);
      },
      () => {
        if (connection === this.#connection) this.#reconnect();
      },
    );
  }

  #acknowledge(frame: Frame): void {
    this.acknowledged.add(rowOf(frame));
    const state = this.#producers.get(frame.producer)!;
    state.pending = state.pending.filter((seq) => seq !== frame.seq);
  }

  /** Producers learn what is durable, and send what follows again under the same numbers. */
  #reconnect(): void {
    this.#connection++;
    for (const [producer, state] of this.#producers) {
      const last = this.#rig.spool.lastSeq('acme', producer);
      for (const seq of state.pending) if (seq <= last) this.#acknowledge({ producer, seq });
      state.next = last + 1;
      state.pending = [];
    }
  }

  #deliver(): void {
    const { spool, disk } = this.#rig;
    const segment = spool.peek();
    if (segment === null) return;
    const rows = Buffer.from(disk.content(segment.dataPath)).toString('latin1');
    expect(rows).toBe(this.store.get(segment.id) ?? rows);
    expect(segment.rows * 8).toBe(rows.length);
    this.store.set(segment.id, rows);
    spool.release(segment.id).catch(() => {});
  }

  #failSoon(): void {
    const operations = ['write', 'datasync', 'truncate', 'rename', 'remove', 'syncDirectory', 'open'] as const;
    const operation = operations[this.#integer(0, operations.length - 1)]!;
    const code = this.#random() < 0.5 ? 'EIO' : 'ENOSPC';
    let left = this.#integer(1, 3);
    this.#rig.disk.addFault((each) => (each === operation && left-- > 0 ? code : null));
  }

  async #pause(): Promise<void> {
    for (let ticks = this.#integer(0, 60); ticks > 0; ticks--) await Promise.resolve();
  }

  async #restart(disk: FaultyFileSystem): Promise<void> {
    this.#connection++;
    await settle(2);
    await this.#start(disk);
    this.#reconnect();
  }

  async #start(disk?: FaultyFileSystem): Promise<void> {
    this.#rig = await startSpool({ segmentRowsMax: 6, pendingBytesMax: 200 }, disk);
    this.#checkEventIds();
  }

  /** Known are the ids of the rows that are kept: of one more, the resend would be lost, of one less, counted twice. */
  #checkEventIds(): void {
    const { disk, eventIds } = this.#rig;
    const spooled = disk.files().filter((path) => path.endsWith('.data'));
    const contents = spooled.map((path) => Buffer.from(disk.content(path)).toString('latin1'));
    const kept = [...this.store.values(), ...contents].join('').match(/[a-d]\d{6};/g) ?? [];
    expect([...new Set(eventIds.restored.map(rowOfId))].sort()).toEqual([...new Set<string>(kept)].sort());
  }

  /** The disk heals, the process stops in order, and what is left is delivered. */
  async #drain(): Promise<void> {
    await this.#restart(this.#rig.disk.kill());
    await this.#rig.spool.stop(1_000);
    await this.#restart(this.#rig.disk);
    for (await settle(2); this.#rig.spool.peek() !== null; await settle(2)) this.#deliver();
    expect(this.#rig.spool.stats()).toMatchObject({ events: 0, segments: 0, quarantinedSegments: 0 });
    expect(this.#rig.disk.files().filter((path) => !path.includes('/event-ids-'))).toEqual(['/spool/positions']);
  }

  #integer(min: number, max: number): number {
    return randomInteger(this.#random, { min, max });
  }
}

const seed = testSeed(20_260_115);
const worlds = 60;

test(`acknowledged frames are delivered once through crashes and faults (seeds ${seed} … +${worlds})`, async () => {
  let acknowledged = 0;
  for (let world = seed; world < seed + worlds; world++) {
    const model = new World(seededRandom(world));
    await model.run(120);
    const rows: string[] = [...model.store.values()].join('').match(/[a-d]\d{6};/g) ?? [];
    const twice = rows.filter((row, index) => rows.indexOf(row) !== index);
    const lost = [...model.acknowledged].filter((row) => !rows.includes(row));
    expect({ world, twice, lost }).toEqual({ world, twice: [], lost: [] });
    acknowledged += model.acknowledged.size;
  }
  expect(acknowledged).toBeGreaterThan(worlds * 10);
});
