import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Group, PreparedDirectory } from './prepared-directory.js';

export const damages = ['emptied', 'cut', 'flipped', 'removed', 'swapped', 'unreadable'] as const;
type Damage = (typeof damages)[number];

/** A kind of file: where one of it lies, what may be lost with it, and what it is swapped with. */
export interface FileKind {
  readonly name: string;
  path(directory: PreparedDirectory): string;
  /** Another of its kind; null: the content of `foreign` takes its place. */
  other(directory: PreparedDirectory): string | null;
  readonly foreign?: string;
  /** Groups whose rows are in the file. */
  readonly holds: readonly Group[];
  /** It says which events are known: without it a resend may count anew, which is then said. */
  readonly remembers?: true;
}

export interface DamageCase {
  readonly kind: FileKind;
  readonly damage: Damage;
}

const plain = (name: string, other: string | null, foreign = ''): FileKind => ({
  name,
  path: ({ path }) => join(path, name),
  other: ({ path }) => (other === null ? null : join(path, other)),
  foreign,
  holds: [],
});

type SegmentGroup = Exclude<Group, 'inserted'>;

const ofSegment = (group: SegmentGroup, suffix: string, other: readonly [SegmentGroup, string]): FileKind => ({
  name: `spool/<${group} segment>.${suffix}`,
  path: ({ path, segments }) => join(path, 'spool', `${segments[group]}.${suffix}`),
  other: ({ path, segments }) => join(path, 'spool', `${segments[other[0]]}.${other[1]}`),
  // What a swap brings into the place of another is lost there as well.
  holds: [...new Set([group, other[0]])].filter((held) => held === 'closed' || held === 'open'),
});

/** A file of the newest part of a table, swapped with the same file of the oldest. */
const ofPart = (table: string, file: string, holds: readonly Group[]): FileKind => ({
  name: `engine/…/${table}/<part>/${file}`,
  path: ({ path }) => join(partOf(path, table, 'newest'), file),
  other: ({ path }) => join(partOf(path, table, 'oldest'), file),
  holds,
});

const ofTable = (table: string, file: string, other: string): FileKind => ({
  name: `engine/…/${table}/${file}`,
  path: ({ path }) => join(tableDirectory(path, table), file),
  other: ({ path }) => join(tableDirectory(path, other), file),
  holds: table === raw ? ['inserted', 'released'] : [],
});

const raw = 'agent_events_raw_v1';
const day = 'agent_performance_per_day_v1';
const ledger = 'schema_migrations';
const inStore: readonly Group[] = ['inserted', 'released'];

const foreignLock = JSON.stringify({
  token: 'f'.repeat(32),
  pid: 1,
  started: '1',
  host: { name: 'elsewhere', boot: '0', namespace: 'pid:[1]' },
});

const partFiles = [
  'data.bin',
  'data.cmrk4',
  'checksums.txt',
  'columns.txt',
  'columns_substreams.txt',
  'count.txt',
  'primary.cidx',
  'partition.dat',
  'minmax_received.idx',
  'serialization.json',
  'metadata_version.txt',
  'default_compression_codec.txt',
  'ttl.txt',
  'skp_idx_run_id_bloom.idx',
];

export const fileKinds: readonly FileKind[] = [
  plain('collector.lock', null, foreignLock),
  plain('format.json', 'admin-key'),
  plain('api-keys.json', 'admin-key'),
  plain('admin-key', 'engine-writer-password'),
  plain('engine-writer-password', 'engine-reader-password'),
  plain('engine-reader-password', 'engine-writer-password'),
  plain('grafana.env', 'admin-key'),
  plain('audit.log', null, '{"version":1}\n'),
  plain('key-usage.json', null, '{"at":"2026-01-15T12:00:00.000Z","action":"createKey"}\n'),
  ofSegment('closed', 'data', ['open', 'data']),
  ofSegment('closed', 'log', ['open', 'log']),
  ofSegment('open', 'data', ['closed', 'data']),
  ofSegment('open', 'log', ['closed', 'log']),
  ofSegment('released', 'released', ['closed', 'log']),
  ofSegment('aside', 'data.quarantined', ['closed', 'data']),
  ofSegment('aside', 'log.quarantined', ['closed', 'log']),
  { ...plain('spool/positions', 'spool/event-ids-0000000001'), remembers: true },
  { ...plain('spool/event-ids-0000000001', 'spool/positions'), remembers: true },
  ...partFiles.map((file) => ofPart(raw, file, inStore)),
  ...['data.bin', 'checksums.txt', 'count.txt'].map((file) => ofPart(day, file, [])),
  ...['data.bin', 'checksums.txt'].map((file) => ofPart(ledger, file, [])),
  ofTable(raw, 'format_version.txt', day),
  ofTable(raw, 'deduplication_logs/deduplication_log_1.txt', day),
  ofTable(day, 'deduplication_logs/deduplication_log_1.txt', raw),
  ...[`${raw}.sql`, 'agent_performance_per_day_mv_v1.sql', 'agent_events.sql'].map((file) => ({
    ...plain(`engine/db/metadata/tidemark/${file}`, `engine/db/metadata/tidemark/${day}.sql`),
    holds: inStore,
  })),
  plain('engine/definitions.json', 'format.json'),
  { ...plain('engine/db/metadata/tidemark.sql', 'engine/db/metadata/default.sql'), holds: inStore },
];

export const damageCases: readonly DamageCase[] = fileKinds.flatMap((kind) =>
  damages.map((damage) => ({ kind, damage })),
);

/** Does it to a copy of the directory; false when there is nothing of the kind to damage. */
export function inflict({ kind, damage }: DamageCase, directory: PreparedDirectory): boolean {
  const path = kind.path(directory);
  if (!existsSync(path)) return false;
  const content = readFileSync(path);
  if (damage === 'emptied') truncateSync(path, 0);
  else if (damage === 'cut') truncateSync(path, Math.floor(content.length / 2));
  else if (damage === 'flipped') writeFileSync(path, flipped(content));
  else if (damage === 'removed') rmSync(path);
  else if (damage === 'unreadable') {
    rmSync(path);
    mkdirSync(path);
  } else return swapped(path, kind.other(directory), kind.foreign ?? '');
  return true;
}

/** One bit, in the middle. */
function flipped(content: Buffer): Buffer {
  const at = Math.floor(content.length / 2);
  if (content.length > 0) content[at]! ^= 0x10;
  return content;
}

function swapped(path: string, other: string | null, foreign: string): boolean {
  if (other === null) writeFileSync(path, foreign);
  else {
    if (other === path || !existsSync(other)) return false;
    renameSync(path, `${path}.swap`);
    renameSync(other, path);
    renameSync(`${path}.swap`, other);
  }
  return true;
}

function tableDirectory(path: string, table: string): string {
  const link = join(path, 'engine/db/data/tidemark', table);
  const place = /store\/.*$/.exec(readlinkSync(link))?.[0];
  if (place === undefined) throw new Error(`${link} leads nowhere`);
  return join(path, 'engine/db', place);
}

/** Parts of a data directory's table by their first block; one that was merged away is not looked at. */
export function partOf(path: string, table: string, which: 'newest' | 'oldest'): string {
  const directory = tableDirectory(path, table);
  const parts = readdirSync(directory)
    .filter((name) => /^\w+_\d+_\d+_\d+$/.test(name) && statSync(join(directory, name)).isDirectory())
    .map((name) => ({ name, first: Number(name.split('_')[1]), last: Number(name.split('_')[2]) }));
  const active = parts.filter(
    ({ name, first, last }) => !parts.some((by) => by.name !== name && by.first <= first && last <= by.last),
  );
  active.sort((a, b) => a.first - b.first);
  const found = which === 'newest' ? active.at(-1) : active[0];
  if (found === undefined) throw new Error(`${table} has no part`);
  return join(directory, found.name);
}
