import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildNative } from './native-program.js';

export interface PowerDiskOptions {
  /** Size of the disk; a sparse file, so that it takes what is written. */
  readonly bytes: number;
  /**
   * Seconds after which ext4 writes its journal by itself (its default is 5): the longer, the more of what was not
   * synced is missing after a cut.
   */
  readonly commitSeconds: number;
}

const defaults: PowerDiskOptions = { bytes: 3 * 1_073_741_824, commitSeconds: 5 };

/**
 * A disk whose power can be cut: ext4 in a file, by way of a loop device. A cut stops the file system at once
 * (`EXT4_IOC_SHUTDOWN` without flushing its log); mounting it again replays its journal, as a machine does when the
 * power is back. What only the page cache had is gone with the mount.
 */
export class PowerDisk {
  /** Where it is mounted. */
  readonly path: string;
  readonly #home: string;
  readonly #options: PowerDiskOptions;
  #isMounted = false;

  constructor(options: Partial<PowerDiskOptions> = {}) {
    this.#options = { ...defaults, ...options };
    this.#home = mkdtempSync(join(tmpdir(), `tidemark-power-${process.pid}-`));
    this.path = join(this.#home, 'disk');
    mkdirSync(this.path);
    writeFileSync(this.#image, '');
    truncateSync(this.#image, this.#options.bytes);
    run('mkfs.ext4', ['-q', '-F', '-J', 'size=16', this.#image]);
    this.mount();
    rmSync(join(this.path, 'lost+found'), { recursive: true, force: true });
  }

  get #image(): string {
    return join(this.#home, 'image');
  }

  mount(): void {
    run('mount', ['-o', `loop,commit=${this.#options.commitSeconds}`, this.#image, this.path]);
    this.#isMounted = true;
  }

  /** From here on nothing reaches the disk. End the processes that use it, then `restore`. */
  cut(): void {
    run(buildNative('power-cut'), [this.path]);
  }

  /** The power is back. */
  restore(): void {
    this.#unmount();
    this.mount();
  }

  remove(): void {
    this.#unmount();
    rmSync(this.#home, { recursive: true, force: true });
  }

  #unmount(): void {
    if (!this.#isMounted) return;
    unmount(this.path);
    this.#isMounted = false;
  }
}

/** Why there is no such disk here, or null. */
export function powerDiskAbsence(): string | null {
  if (process.platform !== 'linux') return `loop mounts are for Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'mounting a disk needs root';
  try {
    buildNative('power-cut');
  } catch {
    return 'there is no C compiler (cc)';
  }
  let disk: PowerDisk | null = null;
  try {
    disk = new PowerDisk({ bytes: 64 * 1_048_576 });
    disk.cut();
    return null;
  } catch (error) {
    return `a disk cannot be mounted and cut: ${error instanceof Error ? error.message.split('\n')[0] : error}`;
  } finally {
    disk?.remove();
  }
}

/** What runs that were killed could not remove: their disks, their directories, their collectors. */
export function removeLeftovers(): void {
  if (process.platform !== 'linux') return;
  for (const name of readdirSync(tmpdir())) {
    const owner = Number(/^tidemark-(?:power|prove|prepared)-(\d+)-/.exec(name)?.[1]);
    if (!Number.isInteger(owner) || isAlive(owner)) continue;
    const home = join(tmpdir(), name);
    try {
      for (const pid of usersOf(home)) process.kill(pid, 'SIGKILL');
      const disk = join(home, 'disk');
      if (readFileSync('/proc/mounts', 'utf8').includes(` ${disk} `)) unmount(disk);
      rmSync(home, { recursive: true, force: true });
    } catch {
      // Another user's.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Collectors of such a run, and their engines: who was started with its data there, or works there. */
function usersOf(home: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const isStarted = readFileSync(`/proc/${name}/environ`, 'utf8').includes(`TIDEMARK_DATA_DIR=${home}/`);
      return isStarted || readlinkSync(`/proc/${name}/cwd`).startsWith(`${home}/`) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

/** What was killed lets go of its files a moment later. */
function unmount(path: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      run('umount', [path]);
      return;
    } catch (error) {
      if (attempt === 100) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
  }
}

function run(program: string, args: readonly string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
