import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { CollectorError } from '../../../core/errors.js';
import { packageFile } from '../../../core/package-root.js';
import type { EngineOptions } from '../process/engine-protocol.js';
import { engineNodeOptions } from '../start-limits.js';
import type { EngineSandbox, LaunchReport, SandboxMode } from './launch-report.js';

export interface EngineFork {
  readonly process: ChildProcess;
  /** How it is confined; null while the launcher has not said so, and will. */
  readonly sandbox: EngineSandbox | null;
}

/** The engine's process: its launcher where there may be a sandbox, else the engine itself. */
export function forkEngine(options: EngineOptions, mode: SandboxMode, lockFd: number): EngineFork {
  const absence = absenceOf(mode);
  const { dataDir, spoolDir, port } = options;
  const [program, args] =
    absence === null ? [launcher, [mode, dataDir, spoolDir, String(port)]] : ['process/engine-main.js', []];
  const process = fork(built(program), args, {
    // Nothing of the collector's environment: it may hold keys. libuv's pool runs the engine's calls, zlib and files.
    env: { TZ: 'UTC', UV_THREADPOOL_SIZE: String(threadsOf(options)), JE_MALLOC_CONF: allocator() },
    execArgv: engineNodeOptions(),
    cwd: dataDir,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc', lockFd],
  });
  return { process, sandbox: absence === null ? null : { kind: 'none', detail: absence } };
}

/** Throws CollectorError `sandbox_missing` with the reason. Takes a short process, because it loads native code. */
export async function mustHaveSandbox(): Promise<void> {
  const absence = absenceOf('on');
  if (absence !== null) throw missing(absence);
  const child = fork(built(launcher), ['check'], {
    env: {},
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const ended = once(child, 'exit').then(() => null);
  const [report] = ((await Promise.race([once(child, 'message'), ended])) ?? [null]) as [LaunchReport | null];
  if (report?.type !== 'launching') throw missing(report?.message ?? 'the launcher ended without a word');
}

/** What people read when they asked for a sandbox that cannot be had. */
export function missing(reason: string): CollectorError {
  return new CollectorError('sandbox_missing', `cannot confine the embedded engine: ${reason}`);
}

/** Why no launcher is needed, or null. */
function absenceOf(mode: SandboxMode): string | null {
  if (mode === 'off') return 'it is switched off';
  return process.platform === 'linux' ? null : `there is none for ${process.platform}`;
}

function built(program: string): string {
  return fileURLToPath(packageFile(`dist/src/clickhouse/embedded/${program}`));
}

const launcher = 'sandbox/launcher-main.js';

/**
 * What the engine's library keeps of the memory that it frees. By its own choice that is an arena a processor, each
 * giving back within 5 s: an insert takes its columns from whichever it happens to run on, once a second, and the
 * kernel cleared 500 to 900 bytes for every row again, for a sixth of the CPU of an insert. One arena on two processors
 * (measured there only; on more, one for two of them, so that reads do not wait for each other), and a minute, over
 * which all but what is used again goes back; and no profile of allocations, which nobody takes here.
 */
function allocator(): string {
  const arenas = Math.max(1, Math.floor(availableParallelism() / 2));
  return `narenas:${arenas},percpu_arena:disabled,dirty_decay_ms:60000,prof:false`;
}

/** A thread for whatever may run at once, so that nothing that guests do can keep the collector from one. */
function threadsOf({ readConnections, streamsMax, guestReadsMax, guestStreamsMax }: EngineOptions): number {
  return readConnections + streamsMax + guestReadsMax + guestStreamsMax + threadsBesideReads;
}

/** The collector's writer, two inserts, four changes and two KILLs of guests, checks, classifier, files, gzip. */
const threadsBesideReads = 20;
