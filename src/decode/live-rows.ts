import type { FrameBatch } from '../core/event-batch.js';
import { type AudienceGroup, LiveAudience } from '../core/live-audience.js';
import { type LiveEvents, type LiveFilter, type LiveInterest, liveNames } from '../core/live-batch.js';
import { equalRanges } from './byte-range.js';
import type { DictionaryColumn } from './columns/dictionary-column.js';
import type { EnumColumn } from './columns/number-columns.js';
import type { TextColumn, TextCursor } from './columns/text-column.js';
import type { EventBlock } from './event-block.js';
import { EventJson } from './event-json.js';
import { fieldIndex } from './field-table.js';
import { GrowingList } from './growing-list.js';
import { decodeUtf8 } from './utf8-text.js';

const fields = {
  type: fieldIndex('type'),
  agentId: fieldIndex('agent_id'),
  runId: fieldIndex('run_id'),
  userId: fieldIndex('user_id'),
} as const;
const nameFields = Object.values(liveNames).map(fieldIndex);
const noGroups: readonly AudienceGroup[] = [];

/**
 * Finds the events of a batch that live subscribers want and writes each of them as JSON, once however many want it.
 * One instance a thread. Nothing is done while nobody listens.
 */
export class LiveRows {
  readonly #ranges = new GrowingList(Uint32Array, 1_024);
  readonly #json = new EventJson();
  #version = -1;
  #audience = new LiveAudience([]);

  /** Null when nobody wants any of them. */
  events(block: EventBlock, batch: FrameBatch): LiveEvents | null {
    const interest = batch.live ?? null;
    if (interest === null || block.rows === 0) return null;
    this.#learn(interest);
    this.#ranges.clear();
    for (const group of this.#audience.groups) group.range = -1;
    const wanted = new RowMatcher(block, this.#audience, this.#ranges).match();
    if (wanted.length === 0) return null;
    return {
      ...this.#json.write(block, wanted, batch.receivedMs),
      ranges: this.#ranges.values.slice(0, this.#ranges.length),
    };
  }

  #learn({ version, filters }: LiveInterest): void {
    if (version === this.#version) return;
    this.#audience = new LiveAudience(JSON.parse(filters) as LiveFilter[]);
    this.#version = version;
  }
}

/** One pass over a batch. */
class RowMatcher {
  readonly #block: EventBlock;
  readonly #audience: LiveAudience;
  readonly #ranges: GrowingList<Uint32Array>;
  readonly #types: Int8Array;
  readonly #agents: DictionaryColumn;
  readonly #names: readonly DictionaryColumn[];
  readonly #runIds: TextCursor;
  readonly #userIds: TextCursor;
  /** By tenant and agent. */
  readonly #ofAgent = new Map<number, readonly AudienceGroup[]>();
  readonly #tenants: readonly string[];
  readonly #namesRuns: readonly boolean[];
  #runText = '';
  #runOffset = 0;
  #runLength = 0;

  constructor(block: EventBlock, audience: LiveAudience, ranges: GrowingList<Uint32Array>) {
    this.#block = block;
    this.#audience = audience;
    this.#ranges = ranges;
    this.#types = (block.column(fields.type) as EnumColumn).values;
    this.#agents = block.column(fields.agentId) as DictionaryColumn;
    this.#names = nameFields.map((field) => block.column(field) as DictionaryColumn);
    this.#runIds = (block.column(fields.runId) as TextColumn).cursor();
    this.#userIds = (block.column(fields.userId) as TextColumn).cursor();
    this.#tenants = Array.from({ length: block.tenants.keyCount }, (_, key) => block.tenants.keyText(key));
    this.#namesRuns = this.#tenants.map((tenant) => audience.namesRuns(tenant));
  }

  /** Rows that somebody wants; adds the ranges of who wants them. */
  match(): number[] {
    const rows: number[] = [];
    for (let row = 0; row < this.#block.rows; row++) {
      const tenant = this.#block.tenants.keyAt(row);
      this.#runIds.seek(row);
      const event = rows.length;
      let taken = this.#offer(this.#groupsOfAgent(row, tenant), row, event);
      if (this.#namesRuns[tenant] && this.#runIds.length > 0) {
        taken = this.#offer(this.#audience.ofRun(this.#tenants[tenant]!, this.#run()), row, event) || taken;
      }
      if (taken) rows.push(row);
    }
    return rows;
  }

  #groupsOfAgent(row: number, tenant: number): readonly AudienceGroup[] {
    const agent = this.#agents.keyAt(row);
    const key = tenant * this.#agents.keyCount + agent;
    let groups = this.#ofAgent.get(key);
    if (groups === undefined) {
      groups = this.#audience.ofAgent(this.#tenants[tenant] ?? '', this.#agents.keyText(agent)) ?? noGroups;
      this.#ofAgent.set(key, groups);
    }
    return groups;
  }

  /** Whether one of them takes it. */
  #offer(groups: readonly AudienceGroup[], row: number, event: number): boolean {
    let taken = false;
    for (const group of groups) {
      if (!group.takesType(this.#types[row]!)) continue;
      if (group.user !== null && group.user !== this.#user(row)) continue;
      if (!this.#hasNames(group.names, row)) continue;
      if (group.runs !== null && (this.#runIds.length === 0 || !group.runs.has(this.#run()))) continue;
      taken = true;
      this.#take(group, event);
    }
    return taken;
  }

  #hasNames(wanted: AudienceGroup['names'], row: number): boolean {
    for (let index = 0; index < wanted.length; index++) {
      const names = this.#names[index]!;
      if (wanted[index] != null && !wanted[index]!.has(names.keyText(names.keyAt(row)))) return false;
    }
    return true;
  }

  #take(group: AudienceGroup, event: number): void {
    const ranges = this.#ranges;
    if (group.range >= 0 && ranges.values[group.range + 2] === event) {
      ranges.values[group.range + 2] = event + 1;
      return;
    }
    const at = ranges.extend(3);
    ranges.values[at] = group.group;
    ranges.values[at + 1] = event;
    ranges.values[at + 2] = event + 1;
    group.range = at;
  }

  /** Rows ascend. */
  #user(row: number): string {
    this.#userIds.seek(row);
    const { source, offset, length } = this.#userIds;
    return length === 0 ? '' : decodeUtf8(source.bytes.subarray(offset, offset + length));
  }

  #run(): string {
    const { source, offset, length } = this.#runIds;
    if (length === this.#runLength && equalRanges(source, offset, source, this.#runOffset, length)) {
      return this.#runText;
    }
    this.#runOffset = offset;
    this.#runLength = length;
    this.#runText = decodeUtf8(source.bytes.subarray(offset, offset + length));
    return this.#runText;
  }
}
