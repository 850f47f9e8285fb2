import type { HeldBefore } from '../../../core/ports/read-memory.js';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { hourMs, minuteMs, type TimeSpan } from '../../../core/time-span.js';
import { compareTexts } from '../sql/text-order.js';
import { UniqueHashes } from '../sql/unique-states.js';
import type { FailureFilter } from './failure-filter.js';
import type { FailureGroupRow, FailureGroupsQuery, GroupedFailures } from './failure-group-row.js';
import { newTriesSince } from './failure-outcomes.js';
import {
  type FailurePiece,
  type PieceGroup,
  type PiecesQuery,
  readFailurePieces,
  readFailureTimes,
} from './failure-pieces.js';
import { type FoundTries, type NewTriesAsked, readLastSettlement, readNewTries } from './new-tries.js';

/** Of the newest failures others of the same time are still on their way, so they are read each time. */
const openMs = 4_000;

interface Slots {
  /** Of pieces that are younger. */
  readonly untilMs: number;
  readonly widthMs: number;
}

/**
 * What came since is mostly of the last minutes. So that it leaves the rest as it is, what is held is cut into pieces,
 * and pieces of one slot are joined: of the last minutes, of the last hour, and older. Fewer and larger ones hold a run
 * that failed in several of them fewer times.
 */
const fineSlots: readonly Slots[] = [
  { untilMs: 30_000, widthMs: 5_000 },
  { untilMs: 5 * minuteMs, widthMs: 15_000 },
  { untilMs: hourMs, widthMs: 5 * minuteMs },
];
const coarseSlots: readonly Slots[] = [
  { untilMs: 30_000, widthMs: 5_000 },
  { untilMs: 5 * minuteMs, widthMs: minuteMs },
];
const fewestSlots: readonly Slots[] = [{ untilMs: 30_000, widthMs: 15_000 }];

/** What a group and a bucket take, roughly. */
const [groupBytes, bucketBytes] = [600, 40];

/** Failures in groups: pieces that follow each other, and what they are together. */
export interface HeldGroups {
  pieces: readonly FailurePiece[];
  whole: Totals;
  /** Very many tries came since outcomes were settled at this time, ms since the epoch; null: not known. */
  manySinceMs: number | null;
}

export interface GrownAnswer {
  readonly since: FoundTries;
  /** Null where outcomes are not told by what is stored. */
  readonly groups: GroupedFailures | null;
}

export interface GrownGroupsDeps {
  readonly store: StoreReader;
  readonly filter: FailureFilter & TimeSpan;
  readonly asked: FailureGroupsQuery;
  /** Null: it is asked here. */
  readonly since: FoundTries | null;
  readonly bytesMax: number;
}

/**
 * Groups of the failed attempts of a range with the outcomes that are stored: of what is held as far as nothing came
 * since, and of what is read of the rest, in one statement. Held is what begins with the second bucket of the range, as
 * the range moves on.
 */
export async function growGroups(
  { store, filter, asked, since: known, bytesMax }: GrownGroupsDeps,
  before: HeldBefore<HeldGroups> | null,
): Promise<{ readonly value: HeldGroups; readonly answer: GrownAnswer }> {
  const { tenant, fromMs, toMs } = filter;
  const [held, since] = await Promise.all([
    before === null ? noGroups() : stillRight(store, tenant, before),
    known ?? readTriesAgain(store, { tenant, nextFromMs: toMs }, before?.value.manySinceMs ?? null),
  ]);
  held.manySinceMs = since.amount === 'many' ? since.settledMs : null;
  if (!isToldAsStored(since)) return { value: held, answer: { since, groups: null } };
  const isWithin = (held.pieces.at(-1)?.toMs ?? toMs) <= toMs;
  const used = isWithin ? held : noGroups();
  const { firstMs, stepMs } = asked.buckets;
  const keptFromMs = firstMs < fromMs ? firstMs + stepMs : firstMs;
  const lastMs = used.pieces.at(-1)?.toMs ?? keptFromMs;
  const keptToMs = isWithin ? Math.max(lastMs, Math.min(since.nowMs, toMs) - openMs) : keptFromMs;
  const gaps = keptFromMs > toMs ? [] : gapsOf(used.pieces, { fromMs: keptFromMs, toMs: keptToMs });
  const ends = [
    { fromMs, toMs: Math.min(keptFromMs, toMs) },
    { fromMs: keptToMs, toMs },
  ];
  const isGap = new Set<TimeSpan>(gaps);
  const spans = [...gaps, ...ends].filter((span) => span.toMs > span.fromMs).sort((a, b) => a.fromMs - b.fromMs);
  const query: PiecesQuery = { groupBy: asked.groupBy, newTries: since, buckets: asked.buckets };
  const { fromMs: _from, toMs: _to, ...others } = filter;
  const read = await readFailurePieces(store, others, spans, query);
  const kept = read.filter((_, index) => isGap.has(spans[index] as TimeSpan));
  for (const piece of kept) used.whole.add(piece);
  const open = read.filter((piece) => !kept.includes(piece));
  const answer = answerOf(used.whole, open, asked);
  const runsSinceMs = runsSince([...used.pieces, ...read], answer.top, asked.runsMin);
  used.pieces = [...used.pieces, ...kept].sort((a, b) => a.fromMs - b.fromMs);
  for (const slots of [fineSlots, coarseSlots, fewestSlots]) {
    used.pieces = joined(used.pieces, keptToMs, slots);
    if (bytesOfGroups(used) <= bytesMax) break;
  }
  return { value: isWithin ? used : held, answer: { since, groups: { ...answer, runsSinceMs } } };
}

/** Outcomes are those stored: nothing came since, or too much to be joined. */
function isToldAsStored({ amount, isSettled }: FoundTries): boolean {
  return amount === 'none' || (isSettled && amount === 'many');
}

/** Where very many had come already, there are as many until the next settlement: its time alone is asked. */
async function readTriesAgain(
  store: StoreReader,
  asked: NewTriesAsked,
  manySinceMs: number | null,
): Promise<FoundTries> {
  if (manySinceMs !== null) {
    const { nowMs, settledMs } = await readLastSettlement(store);
    if (settledMs === manySinceMs) return { ...newTriesSince(settledMs, 'many'), nextMs: null, nowMs };
  }
  return await readNewTries(store, asked);
}

/** From the newest piece on that has so many runs of a group by itself. */
function runsSince(
  pieces: readonly FailurePiece[],
  groups: readonly FailureGroupRow[],
  runsMin: number,
): ReadonlyMap<string, number> {
  const newestFirst = [...pieces].sort((a, b) => b.fromMs - a.fromMs);
  const found = new Map<string, number>();
  for (const { key } of groups) {
    const piece = newestFirst.find((of) => (of.groups.get(key)?.runs.size ?? 0) >= runsMin);
    if (piece !== undefined) found.set(key, piece.fromMs);
  }
  return found;
}

function noGroups(): HeldGroups {
  return { pieces: [], whole: new Totals(), manySinceMs: null };
}

/** Without the pieces in whose time rows came. */
async function stillRight(
  store: StoreReader,
  tenant: string,
  { value, isChanged, partsBefore }: HeldBefore<HeldGroups>,
): Promise<HeldGroups> {
  const lastMs = value.pieces.at(-1)?.toMs;
  if (!isChanged || lastMs === undefined) return value;
  const times = await readFailureTimes(store, { tenant, partsBefore, toMs: lastMs });
  const isHit = (piece: TimeSpan) => times.some((time) => time.fromMs < piece.toMs && time.toMs > piece.fromMs);
  const pieces = value.pieces.filter((piece) => !isHit(piece));
  if (pieces.length === value.pieces.length) return value;
  const whole = new Totals();
  for (const piece of pieces) whole.add(piece);
  return { pieces, whole, manySinceMs: value.manySinceMs };
}

/** What of a span no piece covers, cut by age. */
function gapsOf(pieces: readonly TimeSpan[], { fromMs, toMs }: TimeSpan): TimeSpan[] {
  const cuts = fineSlots.map(({ untilMs }) => toMs - untilMs).reverse();
  const gaps: TimeSpan[] = [];
  let reachedMs = fromMs;
  for (const piece of [...pieces, { fromMs: toMs, toMs }]) {
    for (const cut of [...cuts, piece.fromMs]) {
      if (cut <= reachedMs || cut > piece.fromMs) continue;
      gaps.push({ fromMs: reachedMs, toMs: cut });
      reachedMs = cut;
    }
    reachedMs = Math.max(reachedMs, piece.toMs);
  }
  return gaps;
}

/** Neighbours of one slot as one piece. */
function joined(pieces: readonly FailurePiece[], nowMs: number, slots: readonly Slots[]): FailurePiece[] {
  const found: FailurePiece[] = [];
  for (const piece of pieces) {
    const last = found.at(-1);
    if (
      last === undefined ||
      last.toMs !== piece.fromMs ||
      slotOf(last, nowMs, slots) !== slotOf(piece, nowMs, slots)
    ) {
      found.push(piece);
      continue;
    }
    addGroups(last.groups, piece);
    found[found.length - 1] = { fromMs: last.fromMs, toMs: piece.toMs, groups: last.groups };
  }
  return found;
}

function slotOf({ toMs }: TimeSpan, nowMs: number, slots: readonly Slots[]): string {
  const width = slots.find(({ untilMs }) => nowMs - toMs < untilMs)?.widthMs ?? null;
  return width === null ? 'older' : `${width} ${Math.floor((toMs - 1) / width)}`;
}

/** Groups of several pieces together, and all of them. */
class Totals {
  readonly groups = new Map<string, PieceGroup>();
  readonly all = emptyGroup();

  add(piece: FailurePiece): void {
    addGroups(this.groups, piece);
    for (const group of piece.groups.values()) addTo(this.all, group);
  }
}

function addGroups(groups: Map<string, PieceGroup>, piece: FailurePiece): void {
  for (const [key, group] of piece.groups) {
    const known = groups.get(key);
    if (known === undefined) groups.set(key, copyOf(group));
    else addTo(known, group);
  }
}

function emptyGroup(): PieceGroup {
  return {
    count: 0,
    retried: 0,
    recovered: 0,
    llm_calls: 0,
    tokens_in: 0,
    tokens_out: 0,
    cost_micros: null,
    tokens_unpriced: 0,
    first_seen_ms: Number.POSITIVE_INFINITY,
    last_seen_ms: 0,
    runs: new UniqueHashes(),
    agents: new UniqueHashes(),
    series: new Map(),
  };
}

function copyOf(group: PieceGroup): PieceGroup {
  const copy = emptyGroup();
  addTo(copy, group);
  return copy;
}

function addTo(sum: PieceGroup, group: PieceGroup): void {
  addNumbers(sum, group);
  sum.runs.addAll(group.runs);
  sum.agents.addAll(group.agents);
}

function addNumbers(sum: PieceGroup, group: PieceGroup): void {
  sum.count += group.count;
  sum.retried += group.retried;
  sum.recovered += group.recovered;
  sum.llm_calls += group.llm_calls;
  sum.tokens_in += group.tokens_in;
  sum.tokens_out += group.tokens_out;
  if (group.cost_micros !== null) sum.cost_micros = (sum.cost_micros ?? 0) + group.cost_micros;
  sum.tokens_unpriced += group.tokens_unpriced;
  sum.first_seen_ms = Math.min(sum.first_seen_ms, group.first_seen_ms);
  sum.last_seen_ms = Math.max(sum.last_seen_ms, group.last_seen_ms);
  for (const [bucket, count] of group.series) sum.series.set(bucket, (sum.series.get(bucket) ?? 0) + count);
}

/** As the statement of `readFailureGroups` ranks and adds up. */
function answerOf(
  whole: Totals,
  open: readonly FailurePiece[],
  { groupBy, limit, buckets }: FailureGroupsQuery,
): Omit<GroupedFailures, 'runsSinceMs'> {
  const keys = new Set(whole.groups.keys());
  for (const piece of open) for (const key of piece.groups.keys()) keys.add(key);
  const groups = [...keys].map((key) => {
    const parts = [whole.groups, ...open.map((piece) => piece.groups)].flatMap((of) => of.get(key) ?? []);
    return { key, parts, count: parts.reduce((sum, part) => sum + part.count, 0) };
  });
  if (groups.length === 0) return { top: [], other: null, total: null };
  groups.sort((a, b) => b.count - a.count || compareTexts(a.key, b.key));
  const rowOf = (place: number, of: { readonly key: string; readonly parts: readonly PieceGroup[] }, number: number) =>
    groupRow({ ...of, place, groups: number, isOfAgents: groupBy === 'agent', buckets: buckets.count });
  const others = groups.slice(limit);
  const total = [...(whole.all.count > 0 ? [whole.all] : []), ...open.flatMap((piece) => [...piece.groups.values()])];
  return {
    top: groups.slice(0, limit).map((group, index) => rowOf(index + 1, group, 1)),
    other:
      others.length === 0
        ? null
        : rowOf(limit + 1, { key: '', parts: others.flatMap(({ parts }) => parts) }, others.length),
    total: rowOf(0, { key: '', parts: total }, groups.length),
  };
}

interface RowOf {
  readonly place: number;
  readonly key: string;
  readonly parts: readonly PieceGroup[];
  readonly groups: number;
  readonly isOfAgents: boolean;
  readonly buckets: number;
}

function groupRow({ place, key, parts, groups, isOfAgents, buckets }: RowOf): FailureGroupRow {
  const sum = emptyGroup();
  for (const part of parts) addNumbers(sum, part);
  const { runs: _runs, agents: _agents, series, ...numbers } = sum;
  const counted = (of: 'runs' | 'agents') => countTogether(parts.map((part) => part[of]));
  return {
    place,
    key,
    groups,
    ...numbers,
    affected_agents: isOfAgents ? groups : counted('agents'),
    affected_runs: counted('runs'),
    series: Array.from({ length: buckets }, (_, bucket) => series.get(bucket) ?? 0),
  };
}

function countTogether(hashes: readonly UniqueHashes[]): number {
  const [most, ...others] = [...hashes].sort((a, b) => b.size - a.size);
  return most?.countWith(others) ?? 0;
}

export function bytesOfGroups({ pieces, whole }: HeldGroups): number {
  return [whole.groups, ...pieces.map((piece) => piece.groups)].reduce((sum, groups) => sum + bytesOf(groups), 0);
}

function bytesOf(groups: ReadonlyMap<string, PieceGroup>): number {
  let bytes = 0;
  for (const [key, { runs, agents, series }] of groups) {
    bytes += groupBytes + 2 * key.length + runs.bytes + agents.bytes + bucketBytes * series.size;
  }
  return bytes;
}
