import { fileURLToPath } from 'node:url';
import { packageFile } from '../../../core/package-root.js';
import { type EngineReach, engineConfinement } from './engine-confinement.js';
import { heldByLandlock, mustSupportLandlock, restrictByLandlock } from './landlock.js';
import { forbidNewPrivileges, loadNativeCalls, type NativeCalls } from './native-calls.js';
import { tryRestrictSockets } from './socket-filter.js';

/**
 * Gives up what the engine does not need, for this thread and all that it runs; returns in words what is held.
 * Throws with the reason when there is no sandbox to be had: Landlock comes last, so that the process is then as free
 * as it was, but for its sockets.
 */
export function mustConfine(native: NativeCalls, reach: Omit<EngineReach, 'packageDir'>): string {
  const abi = mustSupportLandlock(native);
  const allowed = engineConfinement({ ...reach, packageDir: fileURLToPath(packageFile('.')) });
  forbidNewPrivileges(native);
  const sockets = tryRestrictSockets(native, process.arch) ? ['sockets'] : [];
  restrictByLandlock(native, abi, allowed);
  return `${[...heldByLandlock(abi), ...sockets].join(', ')} (Landlock ABI ${abi})`;
}

/** Throws CollectorError `sandbox_missing`. Nothing is given up. */
export function mustBeConfinable(): void {
  mustSupportLandlock(loadNativeCalls());
}

/**
 * Runs another program of Node, `args`, in this process's place: the same process, standard streams, IPC channel and
 * `inherited` descriptors, new threads. Whoever is at the other end of the channel sends nothing until the other
 * program is there to read it.
 */
export function becomeProgram(
  native: NativeCalls,
  args: readonly string[],
  environment: Environment,
  inherited: readonly number[] = [],
): never {
  const channel = channelDescriptor();
  // Node has what it inherited, its standard streams too, closed when another program takes over.
  for (const fd of [0, 1, 2, channel, ...inherited]) native.inherit(fd);
  native.exec(process.execPath, [process.execPath, ...args], {
    ...environment,
    NODE_CHANNEL_FD: String(channel),
    NODE_CHANNEL_SERIALIZATION_MODE: 'json',
  });
}

type Environment = Readonly<Record<string, string>>;

function channelDescriptor(): number {
  const fd = (process.channel as { readonly fd?: number } | undefined)?.fd;
  if (fd === undefined) throw new Error('cannot run another program: there is no IPC channel');
  return fd;
}
