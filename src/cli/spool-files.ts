import { resolve } from 'node:path';
import { tryLoadFileLock } from '../clickhouse/embedded/sandbox/native-calls.js';
import { CollectorError } from '../core/errors.js';
import { optionalInstant } from '../core/time-text.js';
import { DataDirLock } from '../spool/data-dir-lock.js';
import { createFileLocker } from '../spool/file-locker.js';
import { errorCode, nodeFileSystem } from '../spool/file-system.js';
import { type SpoolSurvey, surveySpool } from '../spool/spool-survey.js';
import type { CommandContext } from './frame/command.js';
import { type ExitCode, exitCodes } from './frame/exit-codes.js';
import { printTable } from './frame/table.js';
import { count, unknownValue, zonedTime } from './frame/told-values.js';
import { localCollector } from './local-collector.js';

interface SpoolOptions {
  readonly json: boolean;
  readonly config: string | undefined;
  readonly dataDir: string | undefined;
}

/** What lies in a spool: a segment a line, in the queue or set aside. */
interface SpoolFile {
  readonly id: string;
  readonly state: 'waiting' | 'open' | 'quarantined';
  readonly rows: number | null;
  readonly bytes: number;
  readonly first_received: string | null;
  readonly last_received: string | null;
  readonly reason: string | null;
  readonly damage: string | null;
}

/** Every segment, by its log and its sizes. Nothing is changed, and a collector may run. */
export async function listSpool({ env, out }: CommandContext, options: SpoolOptions): Promise<void> {
  const survey = await surveyOf(localCollector(env, options).dataDir, 0);
  const files = filesOf(survey);
  if (options.json) out.json(files);
  else if (files.length > 0) printFiles(out, files);
}

/**
 * Reads every row and compares it with its checksum, and the journals beside them. What a running collector writes at
 * this moment looks unfinished, and is not held against it.
 */
export async function verifySpool({ env, out, err }: CommandContext, options: SpoolOptions): Promise<ExitCode> {
  const { dataDir } = localCollector(env, options);
  const isRunning = await hasCollector(dataDir);
  const survey = await surveyOf(dataDir, Number.POSITIVE_INFINITY);
  const damaged = survey.segments.filter(({ damage, isClosed }) => damage !== null && (isClosed || !isRunning));
  const journals = isRunning ? [] : survey.journals.filter(({ damage }) => damage !== null);
  const rows = survey.segments.reduce((sum, segment) => sum + (segment.rows ?? 0), 0);
  const bytes = survey.segments.reduce((sum, segment) => sum + segment.bytes, 0);
  if (options.json) {
    out.json({ segments: survey.segments.length, rows, bytes, damaged, journals, collector_runs: isRunning });
  } else {
    out.line(`${count(survey.segments.length)} segments, ${count(rows)} rows, ${count(bytes)} bytes were read`);
    for (const { id, damage } of damaged) out.line(`${id}: ${damage}`);
    for (const { path, damage } of journals) out.line(`${path}: ${damage}`);
    if (damaged.length + journals.length === 0) out.line('nothing is damaged');
    else err.line('put back copies before the next start, which sets aside what is damaged (docs/damage.md)');
  }
  return damaged.length + journals.length === 0 ? exitCodes.done : exitCodes.failed;
}

/** Looks again when a segment left between two looks: a collector that runs delivers them. */
async function surveyOf(dataDir: string, rowBytesMax: number): Promise<SpoolSurvey> {
  const directory = resolve(dataDir, 'spool');
  for (let looksLeft = looksMax; ; looksLeft--) {
    try {
      return await surveySpool(nodeFileSystem, { directory, rowBytesMax });
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      await mustExist(directory);
      if (looksLeft <= 1) {
        throw new CollectorError('segment_unreadable', `cannot read ${directory}: its files changed meanwhile`);
      }
    }
  }
}

const looksMax = 5;

/** Rejects with `config_invalid` when there is no spool. */
export async function mustExist(directory: string): Promise<void> {
  try {
    await nodeFileSystem.list(directory);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    throw new CollectorError('config_invalid', `cannot find a spool in ${directory}: start the collector once before`);
  }
}

/** Whether one has the data directory at this moment. */
async function hasCollector(dataDir: string): Promise<boolean> {
  await mustExist(resolve(dataDir, 'spool'));
  const lock = new DataDirLock({ locker: createFileLocker({ lock: tryLoadFileLock() }) }, dataDir);
  try {
    await lock.start();
  } catch (error) {
    if (error instanceof CollectorError && error.code === 'data_dir_locked') return true;
    throw error;
  }
  await lock.stop();
  return false;
}

function filesOf({ segments, quarantined }: SpoolSurvey): readonly SpoolFile[] {
  const queued = segments.map((segment): SpoolFile => {
    const { id, rows, bytes, isClosed, damage } = segment;
    return { id, state: isClosed ? 'waiting' : 'open', rows, bytes, ...received(segment), reason: null, damage };
  });
  const aside = quarantined.map((segment): SpoolFile => {
    const { id, rows, bytes, reason, damage } = segment;
    return { id, state: 'quarantined', rows, bytes, ...received(segment), reason: reason ?? 'unknown', damage };
  });
  return [...queued, ...aside];
}

function received(times: { readonly firstReceivedMs: number | null; readonly lastReceivedMs: number | null }) {
  return {
    first_received: optionalInstant(times.firstReceivedMs),
    last_received: optionalInstant(times.lastReceivedMs),
  };
}

function printFiles(out: CommandContext['out'], files: readonly SpoolFile[]): void {
  printTable(
    out,
    [
      { title: 'segment', text: (row) => row.id },
      { title: 'state', text: (row) => row.state, style: ({ state }) => (state === 'quarantined' ? 'red' : null) },
      { title: 'rows', align: 'right', text: (row) => count(row.rows) },
      { title: 'bytes', align: 'right', text: (row) => count(row.bytes) },
      { title: 'first received', rank: 3, text: (row) => zonedTime(row.first_received) },
      { title: 'last received', rank: 4, text: (row) => zonedTime(row.last_received) },
      { title: 'why', rank: 1, text: (row) => row.reason ?? unknownValue },
      { title: 'damage', rank: 2, columnsMin: 12, text: (row) => row.damage ?? unknownValue },
    ],
    files,
  );
}
