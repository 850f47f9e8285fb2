import type { Random } from '../../src/core/clock.js';
import { CollectorError } from '../../src/core/errors.js';

/** The raw table and two views; the second takes only some of the events. */
export const tableNames = ['raw', 'rollup', 'failures'] as const;
export type TableName = (typeof tableNames)[number];

/** What of a segment's events a table gets. */
export function eventsOf(table: TableName, events: readonly string[]): readonly string[] {
  return table === 'failures' ? events.filter((event) => event.charCodeAt(event.length - 1) % 2 === 0) : events;
}

/** How the next insert goes wrong. */
export const storeFaults = ['refused', 'half', 'answer_lost', 'late', 'part_lost'] as const;
export type StoreFault = (typeof storeFaults)[number];

interface Part {
  /** Numbers of the blocks it holds. */
  readonly first: number;
  readonly last: number;
  readonly events: readonly string[];
  /** As many as were to be written: less are there when a write failed and passed for a success. */
  readonly eventsMeant: number;
  /** On the disk. */
  synced: boolean;
}

class Table {
  parts: Part[] = [];
  #block = 0;
  /** The deduplication log: what it remembers is not synced with the part. */
  readonly tokens = new Set<string>();

  add(events: readonly string[], token: string | null, isLost: boolean): Part | null {
    if (token !== null && this.tokens.has(token)) return null;
    if (token !== null) this.tokens.add(token);
    const block = ++this.#block;
    const kept = isLost ? [] : events;
    const part = { first: block, last: block, events: kept, eventsMeant: events.length, synced: false };
    this.parts.push(part);
    return part;
  }

  highestBlock(): number {
    return this.parts.at(-1)?.last ?? 0;
  }
}

export interface StoreOptions {
  /** Merged parts are not synced although their sources are gone, as with the engine's own defaults. */
  readonly mergesUnsynced: boolean;
}

/**
 * The store as the collector meets it: an insert reaches the raw table and then view after view, each by itself; it
 * may stop half-way, be refused, be applied although its answer is lost, go on after its client has given up on it, or
 * leave a part without its rows and say nothing. It forgets what it did not sync when the power is cut.
 */
export class StoreModel {
  readonly #random: Random;
  readonly #options: StoreOptions;
  readonly #tables = new Map(tableNames.map((name) => [name, new Table()]));
  /** The process: an insert of an earlier one is over. */
  #epoch = 0;
  /** Inserts whose clients have given up. */
  #late: (() => void)[] = [];
  fault: StoreFault | null = null;

  constructor(random: Random, options: StoreOptions) {
    this.#random = random;
    this.#options = options;
  }

  /** Feeds `events` to `tables`, each of which drops them when it remembers `token`. */
  async insert(events: readonly string[], tables: readonly TableName[], token: string | null): Promise<void> {
    const { fault } = this;
    this.fault = null;
    if (fault === 'refused') throw new CollectorError('store_overloaded', 'the store refuses this for now');
    if (fault === 'late') {
      this.#late.push(() => void this.#apply(events, tables, { token, count: tables.length, lost: null }));
      throw new CollectorError('store_unreachable', 'the store did not answer in time');
    }
    const chosen = Math.floor(this.#random() * tables.length);
    const count = fault === 'half' ? chosen : tables.length;
    const lost = fault === 'part_lost' ? (tables[chosen] ?? null) : null;
    await this.#apply(events, tables, { token, count, lost });
    if (fault === 'half') throw new CollectorError('store_overloaded', 'the store failed half-way');
    if (fault === 'answer_lost') throw new CollectorError('store_unreachable', 'the connection is gone');
  }

  highestBlock(table: TableName): number {
    return this.#table(table).highestBlock();
  }

  /** Whether a block above `mark` is there, also inside a merged part, and readable. Parts that are not are dropped. */
  hasBlockAbove(table: TableName, mark: number): boolean {
    const model = this.#table(table);
    model.parts = model.parts.filter((part) => part.last <= mark || part.events.length === part.eventsMeant);
    return model.highestBlock() > mark;
  }

  events(table: TableName): readonly string[] {
    return this.#table(table).parts.flatMap((part) => part.events);
  }

  merge(): void {
    const table = this.#table(tableNames[Math.floor(this.#random() * tableNames.length)]!);
    const intact = table.parts.findIndex((part) => part.events.length !== part.eventsMeant);
    const count = intact === -1 ? table.parts.length : intact;
    if (count < 2) return;
    const merged = table.parts.slice(0, count);
    const events = merged.flatMap((part) => part.events);
    // A merge syncs what it writes, whatever its sources were.
    const synced = !this.#options.mergesUnsynced;
    const [first, last] = [merged[0]!.first, merged.at(-1)!.last];
    table.parts = [{ first, last, events, eventsMeant: events.length, synced }, ...table.parts.slice(count)];
  }

  /** What clients have given up on arrives all the same. */
  landLate(): void {
    for (const land of this.#late.splice(0)) land();
  }

  /** The process is gone, the machine is not: what it has committed without a sync, the kernel writes in time. */
  kill(): void {
    this.#end();
    for (const table of this.#tables.values()) for (const part of table.parts) part.synced = true;
  }

  cutPower(): void {
    this.#end();
    for (const table of this.#tables.values()) {
      table.parts = table.parts.filter((part) => part.synced || this.#random() < 0.5);
      for (const part of table.parts) part.synced = true;
      for (const token of table.tokens) if (this.#random() < 0.5) table.tokens.delete(token);
    }
  }

  #end(): void {
    this.#epoch++;
    this.#late = [];
    this.fault = null;
  }

  async #apply(
    events: readonly string[],
    tables: readonly TableName[],
    plan: { readonly token: string | null; readonly count: number; readonly lost: TableName | null },
  ): Promise<void> {
    const epoch = this.#epoch;
    // The process may have ended while time passed: what waits here then goes no further.
    for (const name of tables.slice(0, plan.count)) {
      await this.#delay();
      if (this.#epoch !== epoch) await new Promise(() => {});
      const taken = eventsOf(name, events);
      if (taken.length === 0) continue;
      const part = this.#table(name).add(taken, plan.token, plan.lost === name);
      await this.#delay();
      if (this.#epoch !== epoch) await new Promise(() => {});
      if (part !== null) part.synced = true;
    }
  }

  async #delay(): Promise<void> {
    for (let ticks = Math.floor(this.#random() * 8); ticks > 0; ticks--) await undefined;
  }

  #table(name: TableName): Table {
    return this.#tables.get(name)!;
  }
}
