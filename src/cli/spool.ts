import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { tryLoadFileLock } from '../clickhouse/embedded/sandbox/native-calls.js';
import { readConfig } from '../config/read-config.js';
import { CollectorError, errorMessage } from '../core/errors.js';
import { optionalInstant } from '../core/time-text.js';
import { DataDirLock } from '../spool/data-dir-lock.js';
import { createFileLocker } from '../spool/file-locker.js';
import { errorCode, nodeFileSystem } from '../spool/file-system.js';
import type { QuarantinedSegment } from '../spool/quarantine-shelf.js';
import { QuarantineShelf } from '../spool/quarantine-shelf.js';
import { answerHelp } from './help.js';

/**
 * `npm run spool -- list | restore <id>`, on the data directory of the same configuration as the collector, while none
 * runs. `list` says what lies aside, `restore` puts a segment back into the queue.
 */
const usage = `usage: spool list [--json]
       spool restore <id, as listed> [--json]
       options: --config <path>, --data-dir <path>
`;

async function main(argv: readonly string[]): Promise<number> {
  answerHelp(usage);
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { config: { type: 'string' }, 'data-dir': { type: 'string' }, json: { type: 'boolean', default: false } },
  });
  const [command, id, ...rest] = positionals;
  const isList = command === 'list' && id === undefined;
  const isRestore = command === 'restore' && id !== undefined && rest.length === 0;
  if (!isList && !isRestore) {
    process.stderr.write(usage);
    return 2;
  }
  const configArgv = values.config === undefined ? [] : ['--config', values.config];
  const { config } = readConfig({ env: process.env, argv: configArgv });
  const dataDir = resolve(values['data-dir'] ?? config.dataDir);
  const directory = resolve(dataDir, 'spool');
  await mustExist(directory);
  const lock = new DataDirLock({ locker: createFileLocker({ lock: tryLoadFileLock() }) }, dataDir);
  await lock.start();
  try {
    const shelf = new QuarantineShelf({ fileSystem: nodeFileSystem }, directory);
    if (isList) list(await shelf.list(), values.json);
    else restored(await shelf.restore(id ?? ''), values.json);
    return 0;
  } finally {
    await lock.stop();
  }
}

/** Before the lock, which would make the data directory. */
async function mustExist(directory: string): Promise<void> {
  try {
    await nodeFileSystem.list(directory);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    throw new CollectorError('config_invalid', `cannot find a spool in ${directory}: start the collector once before`);
  }
}

function list(segments: readonly QuarantinedSegment[], json: boolean): void {
  if (json) process.stdout.write(`${JSON.stringify(segments.map(described), null, 2)}\n`);
  for (const segment of json ? [] : segments) {
    const { id, reason, rows, bytes, damage } = segment;
    const { first_received: first, last_received: last } = described(segment);
    const received = first === null ? 'received unknown' : `received ${first} to ${last}`;
    const counts = `${rows ?? 'unknown'} rows  ${bytes} bytes`;
    process.stdout.write(`${id}  ${reason ?? 'unknown'}  ${counts}  ${received}  ${damage ?? 'intact'}\n`);
  }
}

function restored(segment: QuarantinedSegment, json: boolean): void {
  if (json) process.stdout.write(`${JSON.stringify(described(segment), null, 2)}\n`);
  else process.stdout.write(`segment ${segment.id} (${segment.rows} rows) is delivered after the next start\n`);
}

function described({ firstReceivedMs, lastReceivedMs, note, ...segment }: QuarantinedSegment) {
  return {
    ...segment,
    first_received: optionalInstant(firstReceivedMs),
    last_received: optionalInstant(lastReceivedMs),
    salvaged_as: note?.salvagedAs ?? null,
    parts: note?.parts ?? [],
  };
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${errorMessage(error)}\n`);
  process.exitCode = error instanceof CollectorError && error.code === 'config_invalid' ? 2 : 1;
}
