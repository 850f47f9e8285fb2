import { fileURLToPath } from 'node:url';
import { errorMessage } from '../../../core/errors.js';
import { packageFile } from '../../../core/package-root.js';
import { engineNodeOptions } from '../start-limits.js';
import type { EngineReach } from './engine-confinement.js';
import type { EngineSandbox, LaunchReport, SandboxMode } from './launch-report.js';
import { loadNativeCalls, type NativeCalls } from './native-calls.js';
import { becomeProgram, mustBeConfinable, mustConfine } from './process-confinement.js';

/**
 * `launcher-main.js <auto | on> <engine directory> <spool directory> <port> [socket directory]`, forked in the engine's
 * place. It gives up what the engine does not need, and then becomes the engine: the same process with the same IPC
 * channel, but a new program, so that every thread it will ever have is confined. (Landlock confines a thread and what
 * it starts, and Node has threads before the first line of ours runs.) `launcher-main.js check` tells whether it could.
 *
 * The collector sends nothing before it has heard `launching`, so nothing of it is read by the program that goes.
 */
const [mode = 'auto', dataDir = '', spoolDir = '', port = '0', socketDir = null] = process.argv.slice(2);

/** See `engine-protocol.ts`. */
const lockFd = 4;

function launch(asked: SandboxMode, reach: Omit<EngineReach, 'packageDir'>): Promise<void> | void {
  let native: NativeCalls;
  let detail: string;
  try {
    native = loadNativeCalls();
    detail = mustConfine(native, reach);
  } catch (error) {
    const message = errorMessage(error);
    if (asked === 'on') return report({ type: 'unconfined', message }, () => process.exit(1));
    return runHere({ kind: 'none', detail: message });
  }
  report({ type: 'launching', sandbox: { kind: 'landlock', detail } });
  const { TZ = 'UTC', UV_THREADPOOL_SIZE = '4', JE_MALLOC_CONF = '' } = process.env;
  const engine = fileURLToPath(packageFile('dist/src/clickhouse/embedded/process/engine-main.js'));
  becomeProgram(native, [...engineNodeOptions(), engine], { TZ, UV_THREADPOOL_SIZE, JE_MALLOC_CONF }, [lockFd]);
}

async function runHere(sandbox: EngineSandbox): Promise<void> {
  // It listens to the channel when it is loaded.
  await import('../process/engine-main.js');
  report({ type: 'launching', sandbox });
}

function check(): void {
  let message: LaunchReport = { type: 'launching', sandbox: { kind: 'landlock', detail: 'possible' } };
  try {
    mustBeConfinable();
  } catch (error) {
    message = { type: 'unconfined', message: errorMessage(error) };
  }
  report(message, () => process.exit(0));
}

function report(message: LaunchReport, sent: () => void = () => undefined): void {
  process.send?.(message, undefined, undefined, sent);
}

if (mode === 'check') check();
else await launch(mode === 'on' ? 'on' : 'auto', { dataDir, spoolDir, socketDir, port: Number(port) });
