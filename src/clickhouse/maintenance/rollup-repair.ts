import type { Clock } from '../../core/clock.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { dayText } from '../../core/time-text.js';
import type { AgentKey } from '../queries/agents/agent-known.js';
import type { StoreWriter } from '../store-writer.js';
import { selectList } from './agent-selection.js';
import { dayParams } from './distinct-events.js';
import { type InsertToken, insertSettings } from './insert-token.js';
import { type ComparedEvents, readDifferingAgents, recomputed } from './rollup-difference.js';
import type { Rollup, RollupSchema } from './rollup-schema.js';

export interface RollupRepairDeps {
  readonly store: StoreWriter;
  readonly clock: Clock;
  readonly nextToken: InsertToken;
}

/** Another collector may insert between the comparison and the rewriting: what it did is seen and done again. */
const attemptsMax = 3;

/**
 * Rewrites the rollups of some agents on one day from their raw events. It must run while this collector inserts
 * nothing (`DeliveryHold`): an insert between reading and writing would be lost or counted twice.
 *
 * The day's own rows go first and come back last. Whatever is interrupted in between (a crash, the store away) leaves
 * a day whose events are fewer than its raw events; that makes it due again, and the next pass finds the difference.
 */
export class RollupRepair {
  readonly #deps: RollupRepairDeps;

  constructor(deps: RollupRepairDeps) {
    this.#deps = deps;
  }

  /** `repaired`: agents that were rewritten; `left`: agents that still differ after three attempts. */
  async run(
    schema: RollupSchema,
    day: { readonly dayMs: number; readonly agents: readonly AgentKey[] },
  ): Promise<{ readonly repaired: number; readonly left: number }> {
    const reader = readingAsWriter(this.#deps.store);
    const repaired = new Set<string>();
    let agents = day.agents;
    for (let attempt = 0; ; attempt++) {
      // A repeated event may have come since the agents were counted, so they are always sorted out here.
      const events = { dayMs: day.dayMs, agents: selectList(agents), hasDuplicates: true };
      const differing = await differingAgents(reader, schema, events);
      agents = agents.filter((agent) => differing.has(keyOf(agent)));
      if (agents.length === 0 || attempt === attemptsMax) return { repaired: repaired.size, left: agents.length };
      await this.#rewrite(schema, { ...events, agents: selectList(agents) });
      for (const agent of agents) repaired.add(keyOf(agent));
    }
  }

  async #rewrite(schema: RollupSchema, events: ComparedEvents): Promise<void> {
    await this.#delete(schema.day, events);
    for (const rollup of [schema.minute, schema.errors, schema.memory]) {
      await this.#delete(rollup, events);
      await this.#insert(rollup, events, {});
    }
    await this.#insert(schema.day, events, { repaired_at: this.#deps.clock.nowMs() });
  }

  async #delete(rollup: Rollup, events: ComparedEvents): Promise<void> {
    await this.#deps.store.command({
      name: `removal from ${rollup.table}`,
      sql: `
        DELETE FROM ${rollup.table} IN PARTITION ${partitionOf(events)}
        WHERE ${events.agents.sql} AND ${rollup.dayCondition}
        SETTINGS lightweight_deletes_sync = 2`,
      params: dayParams(events),
    });
  }

  async #insert(rollup: Rollup, events: ComparedEvents, marks: Readonly<Record<string, number>>): Promise<void> {
    const columns = [...rollup.keys, ...rollup.values.map(({ name }) => name)];
    const names = Object.keys(marks);
    await this.#deps.store.command({
      name: `repair of ${rollup.table}`,
      sql: `
        INSERT INTO ${rollup.table} (${[...columns, ...names].join(', ')})
        ${insertSettings(this.#deps.nextToken())}
        SELECT ${[...columns, ...names.map((name) => `fromUnixTimestamp64Milli({${name}:Int64}, 'UTC')`)].join(', ')}
        FROM (${recomputed(rollup, events)})`,
      params: { ...dayParams(events), ...marks },
    });
  }
}

/** Of the agents selected, those of which any rollup differs, by `keyOf`. */
export async function differingAgents(
  reader: StoreReader,
  schema: RollupSchema,
  events: ComparedEvents,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const rollup of [schema.day, schema.minute, schema.errors, schema.memory]) {
    for (const agent of await readDifferingAgents(reader, rollup, events)) found.add(keyOf(agent));
  }
  return found;
}

/** Rollups are partitioned by the month of the day, `toYYYYMM`; parts of other months need not be looked at. */
function partitionOf({ dayMs }: ComparedEvents): string {
  return dayText(dayMs).slice(0, 7).replace('-', '');
}

export function keyOf({ tenant, agentId }: AgentKey): string {
  return JSON.stringify([tenant, agentId]);
}

/** Reads with the writer's rights, which the limits of a reader's query do not bind. */
export function readingAsWriter(store: StoreWriter): StoreReader {
  return { rows: (query) => store.writerRows(query) };
}
