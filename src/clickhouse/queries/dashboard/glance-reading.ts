import type { UnknownParts } from '../../../core/ports/read-memory.js';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { turnOfOthers } from '../../../core/turn-of-others.js';
import {
  type AgentPart,
  type AgentPartsRange,
  addAgentRows,
  agentParams,
  agentRowsSql,
  agentSumsSql,
  compactPart,
  isWhole,
  newAgentPart,
} from './agent-parts.js';
import {
  addMinuteRows,
  type EdgeHours,
  type MinutePart,
  minuteParams,
  minuteRowsSql,
  minuteSumsSql,
  newMinutePart,
} from './minute-parts.js';
import { askPartRows, branchesOf, byPart, type PartRows } from './part-rows.js';

/** Up to so many rows are added up here: the engine plans a read without sums in a fifth of the time. */
const plainRowsMax = 3_000;
const readTriesMax = 5;
/** Rows, and characters of states, that are unpacked before the event loop gets a turn: a millisecond of work. */
const rowsPerTurn = 2_000;
const statesPerTurn = 200_000;

interface Branches {
  readonly sql: readonly string[];
  readonly known: readonly string[];
  readonly params: Readonly<Record<string, string | number>>;
}

/** What is not known of the parts of both rollups, in one statement where both are asked for at once. */
export class GlanceReading {
  readonly #store: StoreReader;
  readonly #tenant: string;
  #asked: Branches[] = [];
  #running: Promise<readonly PartRows[]> | null = null;

  constructor(store: StoreReader, tenant: string) {
    this.#store = store;
    this.#tenant = tenant;
  }

  async agents(range: AgentPartsRange, { known, rows }: UnknownParts): Promise<ReadonlyMap<string, AgentPart>> {
    const isPlain = rows !== null && rows <= plainRowsMax;
    for (let tries = 1; tries <= readTriesMax; tries++) {
      const told = await this.#read({
        sql: isPlain ? agentRowsSql : agentSumsSql,
        known,
        params: agentParams(range),
      });
      const parts = new Map<string, AgentPart>();
      await eachInTurns(told, (rows) => {
        if (agentKinds.has(rows.kind)) addAgentRows(partIn(parts, rows.part, newAgentPart), rows, range);
      });
      if ([...parts.values()].every(isWhole)) {
        for (const part of parts.values()) compactPart(part);
        return parts;
      }
    }
    throw new Error(`cannot read tenant_parts: they changed within each of ${readTriesMax} statements`);
  }

  async minutes(edges: EdgeHours, { known, rows }: UnknownParts): Promise<ReadonlyMap<string, MinutePart>> {
    const isPlain = rows !== null && rows <= plainRowsMax;
    const told = await this.#read({ sql: isPlain ? minuteRowsSql : minuteSumsSql, known, params: minuteParams(edges) });
    const parts = new Map<string, MinutePart>();
    await eachInTurns(told, (rows) => {
      if (!agentKinds.has(rows.kind)) addMinuteRows(partIn(parts, rows.part, newMinutePart), rows, edges);
    });
    return parts;
  }

  /** Who asks in the same turn is answered by the same statement. A part has a name of its own in its table only. */
  #read(branches: Branches): Promise<readonly PartRows[]> {
    this.#asked.push(branches);
    this.#running ??= Promise.resolve().then(() => this.#run());
    return this.#running;
  }

  async #run(): Promise<readonly PartRows[]> {
    const asked = this.#asked;
    this.#asked = [];
    this.#running = null;
    const sql: string[] = [];
    const params: Record<string, string | number | readonly string[]> = { tenant: this.#tenant };
    for (const [index, branches] of asked.entries()) {
      const known = branches.known.length === 0 ? null : `known_${index}`;
      sql.push(...branchesOf(branches.sql, known));
      Object.assign(params, branches.params, known === null ? {} : { [known]: branches.known });
    }
    return await askPartRows(this.#store, { name: 'tenant_parts', sql: byPart(sql), params });
  }
}

const agentKinds: ReadonlySet<string> = new Set(['heard', 'standing', 'day', 'agent day']);

async function eachInTurns(told: readonly PartRows[], add: (rows: PartRows) => void): Promise<void> {
  let work = 0;
  for (const rows of told) {
    add(rows);
    work += rows.keys.length / rowsPerTurn + rows.states.length / statesPerTurn;
    if (work < 1) continue;
    work = 0;
    await turnOfOthers();
  }
}

function partIn<Part>(parts: Map<string, Part>, name: string, make: () => Part): Part {
  let part = parts.get(name);
  if (part === undefined) {
    part = make();
    parts.set(name, part);
  }
  return part;
}
