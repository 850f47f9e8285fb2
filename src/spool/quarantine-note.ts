import { z } from 'zod';
import { instant } from '../core/time-text.js';
import type { FileSystem } from './file-system.js';
import { readWhole, withFile } from './file-system.js';
import type { DamagedPart, SalvagePlan } from './salvage-plan.js';
import type { BatchRecord } from './segment-log.js';
import { forEachFrame } from './segment-log.js';
import { segmentPath } from './segment-paths.js';

/** Bounds of a note, which is written for people. */
const partsListedMax = 100;
const producersListedMax = 50;

const range = z.object({ offset: z.number(), bytes: z.number() });
const neighbour = z.object({
  logOffset: z.number(),
  received: z.string(),
  rows: z.number(),
  producers: z.array(z.object({ tenant: z.string(), producer: z.string(), firstSeq: z.number(), lastSeq: z.number() })),
  /** Producers beyond those listed. */
  producersMore: z.number(),
});
const part = z.object({
  log: range,
  data: range,
  /** Where its bytes begin in `<id>.damaged.quarantined`: those of the log, then those of the data. */
  keptAt: z.number(),
  rows: z.number().nullable(),
  /** What the part itself says when its log record can be read. */
  record: neighbour.nullable(),
  before: neighbour.nullable(),
  after: neighbour.nullable(),
});
const noteSchema = z.object({
  reason: z.enum(['corrupt', 'store_rejected', 'damaged', 'by_hand']),
  /** Of a damaged segment: its intact records were delivered under this id. */
  salvagedAs: z.string().optional(),
  rowsKept: z.number().optional(),
  /** Of the damaged parts, as far as they are known. */
  rows: z.number().optional(),
  rowsKnown: z.boolean().optional(),
  partsTotal: z.number().optional(),
  parts: z.array(part).optional(),
});

/** `<id>.quarantine.json`: why a segment, or a part of it, lies aside. */
export type QuarantineNote = z.infer<typeof noteSchema>;
export type DamageNote = z.infer<typeof part>;

/** Durable with the next sync of the directory. */
export async function writeQuarantineNote(
  fileSystem: FileSystem,
  place: { readonly directory: string; readonly id: string },
  note: QuarantineNote,
): Promise<void> {
  const path = segmentPath(place.directory, place.id, 'quarantine.json');
  await fileSystem.remove(path);
  await withFile(fileSystem.open(path, 'create'), async (file) => {
    await file.write([Buffer.from(`${JSON.stringify(note, null, 2)}\n`)], 0);
    await file.datasync();
  });
}

/** Null when there is none that can be read: a note explains, nothing depends on it but counts. */
export async function readQuarantineNote(
  fileSystem: FileSystem,
  place: { readonly directory: string; readonly id: string },
): Promise<QuarantineNote | null> {
  const path = segmentPath(place.directory, place.id, 'quarantine.json');
  try {
    const text = await withFile(fileSystem.open(path, 'read'), readWhole);
    return noteSchema.parse(JSON.parse(text.toString('utf8')));
  } catch {
    return null;
  }
}

/** `keptAt`: where the bytes of each part begin in the file of damaged bytes. */
export function describeDamage(
  log: Buffer,
  plan: SalvagePlan,
  place: { readonly salvagedAs: string; readonly keptAt: readonly number[] },
): QuarantineNote {
  return {
    reason: 'damaged',
    salvagedAs: place.salvagedAs,
    rowsKept: plan.kept.reduce((sum, { rowCount }) => sum + rowCount, 0),
    rows: plan.damagedRows,
    rowsKnown: plan.isRowsKnown,
    partsTotal: plan.parts.length,
    parts: plan.parts.slice(0, partsListedMax).map((each, index) => describePart(log, each, place.keptAt[index]!)),
  };
}

function describePart(log: Buffer, { log: inLog, data, rows, ...records }: DamagedPart, keptAt: number): DamageNote {
  const record = describeRecord(log, records.record);
  const before = describeRecord(log, records.before);
  const after = describeRecord(log, records.after);
  return { log: inLog, data, keptAt, rows, record, before, after };
}

function describeRecord(log: Buffer, record: BatchRecord | null): z.infer<typeof neighbour> | null {
  if (record === null) return null;
  const producers = new Map<string, { tenant: string; producer: string; firstSeq: number; lastSeq: number }>();
  let more = 0;
  forEachFrame(log, record, ({ tenant, producer, seq }) => {
    const key = `${tenant}\0${producer}`;
    const known = producers.get(key);
    if (known !== undefined) known.lastSeq = seq;
    else if (producers.size < producersListedMax) producers.set(key, { tenant, producer, firstSeq: seq, lastSeq: seq });
    else more++;
  });
  const received = instant(record.receivedMs);
  const { logOffset, rowCount: rows } = record;
  return { logOffset, received, rows, producers: [...producers.values()], producersMore: more };
}
