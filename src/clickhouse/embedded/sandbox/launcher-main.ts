import { fileURLToPath } from 'node:url';
import { errorMessage } from '../../../core/errors.js';
import { packageFile } from '../../../core/package-root.js';
import { engineConfinement } from './engine-confinement.js';
import { heldByLandlock, mustSupportLandlock, restrictByLandlock } from './landlock.js';
import type { LaunchReport, SandboxMode } from './launch-report.js';
import { forbidNewPrivileges, loadNativeCalls, type NativeCalls } from './native-calls.js';
import { tryRestrictSockets } from './socket-filter.js';

/**
 * `launcher-main.js <auto | on> <engine directory> <spool directory> <port>`, forked in the engine's place. It gives up
 * what the engine does not need, and then becomes the engine: the same process with the same IPC channel, but a new
 * program, so that every thread it will ever have is confined. (Landlock confines a thread and what it starts, and
 * Node has threads before its first line of ours runs.) `launcher-main.js check` tells whether it could.
 *
 * The collector sends nothing before it has heard `launching`, so nothing of it is read by the program that goes.
 */
const [mode = 'auto', dataDir = '', spoolDir = '', port = '0'] = process.argv.slice(2);
const entry = fileURLToPath(packageFile('dist/src/clickhouse/embedded/engine-main.js'));

async function launch(asked: SandboxMode): Promise<void> {
  let confined: { readonly native: NativeCalls; readonly detail: string };
  try {
    confined = confine();
  } catch (error) {
    const message = errorMessage(error);
    if (asked === 'on') return report({ type: 'unconfined', message }, () => process.exit(1));
    await import('../engine-main.js');
    return report({ type: 'launching', sandbox: { kind: 'none', detail: message } });
  }
  const { native, detail } = confined;
  const channel = channelDescriptor();
  // Node closes what it inherited, its standard streams too, when another program takes over.
  for (const fd of [0, 1, 2, channel]) native.inherit(fd);
  report({ type: 'launching', sandbox: { kind: 'landlock', detail } });
  const { TZ = 'UTC', UV_THREADPOOL_SIZE = '4' } = process.env;
  native.exec(process.execPath, [process.execPath, entry], {
    TZ,
    UV_THREADPOOL_SIZE,
    NODE_CHANNEL_FD: String(channel),
    NODE_CHANNEL_SERIALIZATION_MODE: 'json',
  });
}

/**
 * Throws with the reason when there is no sandbox to be had. Landlock comes last: until then the process is as free as
 * it was, but for its sockets, and can still be the engine.
 */
function confine(): { readonly native: NativeCalls; readonly detail: string } {
  const native = loadNativeCalls();
  const abi = mustSupportLandlock(native);
  const packageDir = fileURLToPath(packageFile('.'));
  const allowed = engineConfinement({ dataDir, spoolDir, port: Number(port), packageDir });
  forbidNewPrivileges(native);
  const sockets = tryRestrictSockets(native, process.arch) ? ['sockets'] : [];
  restrictByLandlock(native, abi, allowed);
  return { native, detail: `${[...heldByLandlock(abi), ...sockets].join(', ')} (Landlock ABI ${abi})` };
}

/** The socket between the collector and whoever runs here. */
function channelDescriptor(): number {
  const fd = (process.channel as { readonly fd?: number } | undefined)?.fd;
  if (fd === undefined) throw new Error('cannot launch the engine: there is no IPC channel');
  return fd;
}

function report(message: LaunchReport, sent: () => void = () => undefined): void {
  process.send?.(message, undefined, undefined, sent);
}

if (mode === 'check') {
  let message: LaunchReport = { type: 'launching', sandbox: { kind: 'landlock', detail: '' } };
  try {
    mustSupportLandlock(loadNativeCalls());
  } catch (error) {
    message = { type: 'unconfined', message: errorMessage(error) };
  }
  report(message, () => process.exit(0));
} else {
  await launch(mode === 'on' ? 'on' : 'auto');
}
