import { existsSync, mkdirSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../../core/clock.js';
import { errorMessage } from '../../../core/errors.js';
import type { Logger } from '../../../core/logger.js';
import { readOpenFiles } from '../../../core/open-files.js';
import { residentBytes } from '../../../core/resident-bytes.js';
import { isMemoryTaken } from '../../memory-shortage.js';
import { stopExpiry } from '../../retention/stop-expiry.js';
import { type ChdbEngine, loadEngineLibrary, openChdbEngine } from '../chdb-engine.js';
import { ClickHouseException } from '../clickhouse-exception.js';
import { writeEngineConfig } from '../engine-config.js';
import { loadProblem } from '../engine-load.js';
import { EngineServer } from '../front/engine-server.js';
import { affordableGuests } from '../front/guest-connections.js';
import { limitInTheWay } from '../start-limits.js';
import type {
  EngineCommand,
  EngineLogLevel,
  EngineOptions,
  EngineReport,
  EngineStartFailure,
  MemoryShortage,
} from './engine-protocol.js';
import { areMergesUnderWay } from './merges-under-way.js';
import { giveBackPages } from './start-pages.js';
import { lowerPriority, putMergesLast } from './thread-niceness.js';
import { removeUnfinished } from './unfinished-writes.js';

/**
 * The engine's process: forked by `engine-process.ts`, speaks `engine-protocol.ts` over the IPC channel.
 * It ends with its collector: a closed channel makes it drain and exit, so that the next collector finds
 * the data directory and the port free. Signals meant for the terminal's whole group are left to the collector.
 */
const killMarginMs = 500;
const stopMerges = 'SYSTEM STOP MERGES';
/** A merge has two files a column and part open: about sixty columns, a dozen parts, some merges. */
const openFilesMin = 4_096;
const clock: Clock = systemClock;
/** Then a start is over, with migrations and what is read back; pages of a longer one come back as they are used. */
const startPagesMs = 20_000;
let running: { readonly engine: ChdbEngine; readonly server: EngineServer; readonly options: EngineOptions } | null =
  null;
let leaving = false;
let areMergesLast = false;
const logger: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };

// Of the collector's terminal: the collector says when to leave, and is heard to be gone.
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);
process.on('SIGTERM', () => void leave(running?.options.drainMsMax ?? 0));
// Nobody waits for the reads any more, but the next collector waits for the data directory.
process.on('disconnect', () => void leave(running?.options.drainMsMax ?? 0, 0));
process.on('message', (command: EngineCommand, socket: Server | undefined) => {
  if (command.type === 'start') void start(command.options);
  else if (command.type === 'listen') listen(socket);
  else if (command.type === 'stop') void leave(command.deadlineMs);
  else void probe(command);
});

async function start(given: EngineOptions): Promise<void> {
  let reason: EngineStartFailure = 'library';
  try {
    lowerPriority();
    loadEngineLibrary();
    reason = 'engine_error';
    process.chdir(given.dataDir);
    mkdirSync('db', { recursive: true });
    const options = { ...given, dataDir: ownNameOf(given.dataDir) };
    const unfinished = removeUnfinished('db');
    for (const table of unfinished.tables) logger.warn({ table }, 'an unfinished table was dropped');
    for (const path of unfinished.files) logger.warn({ path }, 'a file that was never written was removed');
    const { database, memoryBytesMax } = options;
    const engine = await openChdbEngine({
      directory: join(options.dataDir, 'db'),
      configPath: writeEngineConfig(options.dataDir),
      database,
      memoryBytesMax,
      // The first statement, because merges have begun.
      preparation: [...(options.holdsMerges ? [stopMerges] : []), ...(options.keepsExpired ? [stopExpiry] : [])],
    });
    // Bodies that an engine which was killed had not inserted: nobody was told that they were. Pipes nobody reads.
    for (const name of ['inserts', 'results']) {
      const scratch = join(options.dataDir, name);
      rmSync(scratch, { recursive: true, force: true });
      mkdirSync(scratch, { mode: 0o700 });
    }
    warnOfLimit();
    const server = new EngineServer({ engine, clock, logger }, fitOpenFiles(options));
    await server.open();
    running = { engine, server, options };
    if (leaving) return await end();
    report({ type: 'ready', version: engine.version });
    clock.setTimer(startPagesMs, giveBackStart);
  } catch (error) {
    const message = reason === 'library' ? problemOf(error) : errorMessage(error);
    report({ type: 'failed', reason, message }, () => process.exit(1));
  }
}

function giveBackStart(): void {
  try {
    logger.debug({ bytes: giveBackPages(/\/libchdb\.so$/) }, 'pages that only the start needed were given back');
  } catch (error) {
    logger.debug({ cause: errorMessage(error) }, 'pages that only the start needed stay');
  }
}

function problemOf(error: unknown): string {
  const { what, advice } = loadProblem({ said: errorMessage(error), signal: null });
  return `${what}; ${advice}`;
}

/**
 * By way of the current directory where the system has a name for it: the paths that system tables tell begin there
 * then, and tell nothing; and of a path that somebody chose the engine takes a backslash for a slash and `*?{}` for a
 * pattern. (With a relative path chDB 3.4.0 fails to sync directories: it puts `db/` before `db/`.)
 */
function ownNameOf(dataDir: string): string {
  return existsSync('/proc/self/cwd/db') ? '/proc/self/cwd' : dataDir;
}

/** One that it came up under all the same: statements may fail for it. */
function warnOfLimit(): void {
  const limit = limitInTheWay();
  if (limit !== null) logger.warn({}, `the embedded engine has little room: ${limit}`);
}

function fitOpenFiles(options: EngineOptions): EngineOptions {
  const open = readOpenFiles();
  const guestConnectionsMax = affordableGuests(options.guestConnectionsMax, open);
  if (open !== null && open.limit < openFilesMin) {
    const context = { ...open, guestConnectionsMax };
    logger.warn(context, `the embedded engine may open few files: merging large parts takes ${openFilesMin} at least`);
  }
  return { ...options, guestConnectionsMax };
}

/** At once: whoever connects before is accepted by nobody. */
function listen(socket: Server | undefined): void {
  if (running === null || leaving || socket === undefined) return;
  running.server.listenOn(socket, () => report({ type: 'listening' }));
}

async function probe({ id, proves }: Extract<EngineCommand, { type: 'probe' }>): Promise<void> {
  if (running === null) return;
  // The engine starts them after it is ready.
  if (!areMergesLast) areMergesLast = putMergesLast() > 0;
  const { server } = running;
  const refusal = proves ? await server.prove().then(() => null, ClickHouseException.from) : null;
  if (refusal !== null) tellWhenFatal(refusal);
  const shortage = refusal === null ? 'none' : shortageBy(refusal, server);
  report({ type: 'probed', id, load: { rssBytes: residentBytes(), shortage, ...server.load() } });
}

/**
 * After a crash of a thread of its own, as for one that could not be started, ClickHouse answers 236 to everything and
 * stays as it is. Any other answer is one.
 */
function tellWhenFatal({ type, message }: ClickHouseException): void {
  if (type === 'ABORTED' && !leaving) report({ type: 'fatal', message });
}

function shortageBy({ code, message }: ClickHouseException, server: EngineServer): MemoryShortage {
  if (!isMemoryTaken(code, message)) return 'none';
  return server.isWorking || areMergesUnderWay('db') ? 'in_use' : 'idle';
}

async function leave(deadlineMs: number, readsMs = deadlineMs / 2): Promise<void> {
  if (leaving) return;
  leaving = true;
  // The last resort: chDB cannot be interrupted, and an exit with a query under way crashes anyway.
  clock.setTimer(deadlineMs + killMarginMs, () => process.kill(process.pid, 'SIGKILL'));
  if (running === null) return;
  await running.server.drain({ deadlineMs, readsMs });
  await end();
}

async function end(): Promise<void> {
  await running?.engine.close();
  process.exit(0);
}

function log(level: EngineLogLevel) {
  return (context: object, message: string): void => report({ type: 'log', level, context, message });
}

/** `sent` is called when the message is out, or cannot be. */
function report(message: EngineReport, sent: () => void = () => undefined): void {
  if (process.connected) process.send?.(message, undefined, undefined, sent);
  else sent();
}
