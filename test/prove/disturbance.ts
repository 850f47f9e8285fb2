import type { Random } from '../../src/core/clock.js';
import { randomInteger } from '../support/seeded-random.js';
import { mendedAgent } from './event-mix.js';
import { type ProvingRig, until } from './proving-rig.js';

/** What the store is busy with beside inserts when the fault comes. */
export const disturbances = ['nothing else', 'merges', 'finalization', 'erasure'] as const;

export type Disturbance = (typeof disturbances)[number];

/** Goes on until it is ended; what a fault made of its requests is none of its business. */
export class DisturbedStore {
  readonly kind: Disturbance;
  readonly #rig: ProvingRig;
  readonly #random: Random;
  readonly #work: Promise<void>;
  #isEnding = false;

  constructor(rig: ProvingRig, random: Random, kind: Disturbance) {
    this.kind = kind;
    this.#rig = rig;
    this.#random = random;
    this.#work = kind === 'nothing else' ? Promise.resolve() : this.#goOn();
  }

  /** And does what it began to the end, which a collector that works again has to be able to. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#work;
    await this.mend();
  }

  /**
   * Makes good what it has deleted. When everything is delivered: a day of which events wait for their insert stays
   * due, and the maintenance, which is off here, would finalize it again.
   */
  async mend(): Promise<void> {
    if (this.kind !== 'finalization') return;
    await until('the day before is finalized', () => this.#rig.finalize(mendedAgent), 40_000);
  }

  async #goOn(): Promise<void> {
    while (!this.#isEnding) {
      await this.#step().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #step(): Promise<void> {
    if (this.kind === 'merges') {
      const tables = await this.#rig.tables();
      const table = tables[randomInteger(this.#random, { min: 0, max: tables.length - 1 })];
      await this.#rig.tryWrite(`OPTIMIZE TABLE ${table} FINAL`);
    } else if (this.kind === 'finalization') {
      const table = ['per_day', 'per_minute'][randomInteger(this.#random, { min: 0, max: 1 })];
      await this.#rig.tryWrite(`DELETE FROM agent_performance_${table}_v1 WHERE agent_id = '${mendedAgent}'`);
      await this.#rig.finalize(mendedAgent);
    } else {
      await this.#rig.erase(randomInteger(this.#random, { min: 0, max: 3 }));
    }
  }
}
