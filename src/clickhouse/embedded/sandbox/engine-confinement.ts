import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Allowed, fileRights, type PathRight } from './landlock.js';

export interface EngineReach {
  /** The engine's own directory. */
  readonly dataDir: string;
  /** Where the segments are that it inserts. */
  readonly spoolDir: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Where it makes its Unix socket when that is not in its own directory; null for none. */
  readonly socketDir: string | null;
  /** The package, whose root may hold the data directory and the configuration, so never the whole of it. */
  readonly packageDir: string;
}

/**
 * What the engine's process needs, and no more. Found by running it with everything denied: its own directory, the
 * segments, its own code and the libraries of the system, what the kernel tells about memory and processors, random
 * bytes, time zones, and the command that makes a named pipe.
 *
 * Not in it: the data directory above its own (keys, passwords), configuration files, homes, temporary directories,
 * users, host names, name servers, certificates, other processes. A path that is missing needs no rule.
 */
export function engineConfinement(reach: EngineReach): Allowed {
  const { mapped, interpreter } = programFiles();
  return {
    bindPort: reach.port,
    paths: [
      must(reach.dataDir, own),
      must(reach.spoolDir, read),
      ...(reach.socketDir === null ? [] : [must(reach.socketDir, makeSocket | removeFile)]),
      must(join(reach.packageDir, 'dist'), read),
      must(join(reach.packageDir, 'package.json'), fileRights.readFile),
      ...packageDirs(reach.packageDir).map((path) => must(path, read)),
      must(process.execPath, run),
      // A program is run through it, a library is only read.
      ...interpreter.map((path) => may(path, run)),
      ...mapped.map((path) => may(path, fileRights.readFile)),
      ...libraryDirs.map((path) => may(path, read)),
      ...readFiles.map((path) => may(path, fileRights.readFile)),
      ...readDirs.map((path) => may(path, read)),
      ...pipeMakers.map((path) => may(path, run)),
      may('/dev/null', fileRights.readFile | fileRights.writeFile),
      ...kernelFiles.map((path) => pinned(path, fileRights.readFile)),
      // This process, by its number: the program that comes next is the same process, no other one is readable.
      pinned('/proc/self', read),
    ],
  };
}

function must(path: string, rights: bigint): PathRight {
  return { path, rights, required: true, pinned: false };
}

function may(path: string, rights: bigint): PathRight {
  return { path, rights, required: false, pinned: false };
}

/**
 * `/proc` makes its entries anew when the kernel has dropped them from its cache, and a rule is bound to the entry
 * that was there: an open descriptor keeps it. Measured on Linux 6.18: without one, `/proc/self` was refused after the
 * cache had been dropped four times.
 */
function pinned(path: string, rights: bigint): PathRight {
  return { path, rights, required: false, pinned: true };
}

/** Where packages are found from here: beside `dist`, or in the project that has this one installed. */
function packageDirs(packageDir: string): string[] {
  const require = createRequire(join(packageDir, 'package.json'));
  const addon = realpathSync(require.resolve('chdb'));
  // With links into a store, both the directory that is looked into and the one that is meant.
  const looked = (require.resolve.paths('chdb') ?? []).filter((path) => existsSync(join(path, 'chdb')));
  return [...new Set([...looked.slice(0, 1), ancestorNamed(addon, 'node_modules') ?? dirname(addon)])];
}

/** The topmost, since a store nests them. */
function ancestorNamed(path: string, name: string): string | null {
  const end = path.indexOf(`/${name}/`);
  return end < 0 ? null : path.slice(0, end + name.length + 1);
}

/** What this very program was made of, wherever it is installed. */
function programFiles(): { readonly mapped: readonly string[]; readonly interpreter: readonly string[] } {
  const lines = readFileSync('/proc/self/maps', 'utf8').split('\n');
  const paths = new Set(lines.flatMap((line) => /\s(\/.+)$/.exec(line)?.[1] ?? []));
  const mapped = [...paths].filter((path) => !path.endsWith('.node'));
  return { mapped, interpreter: mapped.filter((path) => /\/ld-[^/]*\.so[^/]*$/.test(path)) };
}

const { readFile, readDirectory, writeFile, truncate, removeFile, removeDirectory } = fileRights;
const { makeDirectory, makeFile, makeSocket, makePipe, makeLink, refer } = fileRights;

const read = readFile | readDirectory;
const run = readFile | fileRights.execute;
const own =
  read |
  (writeFile | truncate | removeFile | removeDirectory) |
  (makeDirectory | makeFile | makeSocket | makePipe | makeLink | refer);

const libraryDirs = ['/lib', '/lib64', '/usr/lib', '/usr/lib64', '/usr/local/lib', '/usr/local/lib64'];
const readFiles = [
  '/dev/urandom',
  '/etc/ld.so.cache',
  '/etc/ld.so.preload',
  '/etc/localtime',
  '/etc/ssl/openssl.cnf',
  '/etc/pki/tls/openssl.cnf',
];
const readDirs = [
  '/usr/share/zoneinfo',
  '/sys/fs/cgroup',
  '/sys/devices/system/cpu',
  '/sys/devices/system/node',
  '/sys/kernel/mm/transparent_hugepage',
];
const pipeMakers = ['/usr/bin/mkfifo', '/bin/mkfifo'];
const kernelFiles = [
  '/proc/cpuinfo',
  '/proc/filesystems',
  '/proc/loadavg',
  '/proc/meminfo',
  '/proc/stat',
  '/proc/uptime',
  '/proc/sys/vm/max_map_count',
  '/proc/sys/vm/overcommit_memory',
];
