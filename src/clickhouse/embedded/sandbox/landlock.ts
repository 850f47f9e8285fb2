import { closeSync, constants, openSync } from 'node:fs';
import { CollectorError } from '../../../core/errors.js';
import { type NativeCalls, NativeError } from './native-calls.js';

/**
 * Landlock: what a process may do to files, TCP ports and its surroundings, given up by itself and for good, for its
 * later programs and children too. It needs no privilege. The numbers are of the kernel's interface
 * (`linux/landlock.h`), the same on all processors; a kernel says by its ABI which of them it knows:
 *
 * | ABI | kernel | adds |
 * | --- | --- | --- |
 * | 1 | 5.13 | files; but a file can never be renamed or linked into another directory |
 * | 2 | 5.19 | `refer`: it can, where both directories allow it |
 * | 3 | 6.2 | truncation |
 * | 4 | 6.7 | binding and connecting TCP sockets |
 * | 5 | 6.10 | ioctl on devices |
 * | 6 | 6.12 | no signal to, and no abstract Unix socket of, a process outside |
 *
 * What a ruleset does not name is allowed as before, so every right the kernel knows is named.
 */
export const fileRights = {
  execute: 1n << 0n,
  writeFile: 1n << 1n,
  readFile: 1n << 2n,
  readDirectory: 1n << 3n,
  removeDirectory: 1n << 4n,
  removeFile: 1n << 5n,
  makeCharacterDevice: 1n << 6n,
  makeDirectory: 1n << 7n,
  makeFile: 1n << 8n,
  makeSocket: 1n << 9n,
  makePipe: 1n << 10n,
  makeBlockDevice: 1n << 11n,
  makeLink: 1n << 12n,
  refer: 1n << 13n,
  truncate: 1n << 14n,
  deviceControl: 1n << 15n,
} as const;

/** The engine renames and links its parts between directories. */
const abiMin = 2;
const abiOfTcp = 4;
const abiOfScopes = 6;
/** How many rights of files an ABI knows; more than this is not asked for. */
const fileRightsOf: readonly (readonly [abi: number, count: number])[] = [
  [5, 16],
  [3, 15],
  [2, 14],
];

export interface PathRight {
  readonly path: string;
  /** Of `fileRights`. */
  readonly rights: bigint;
  /** False when the path may be missing. */
  readonly required: boolean;
  /** Its descriptor stays open, so that the kernel cannot forget the rule with its cached entry: see `/proc`. */
  readonly pinned: boolean;
}

export interface Allowed {
  readonly paths: readonly PathRight[];
  /** TCP port that may be bound; 0 means any free one. None may be connected to. */
  readonly bindPort: number;
}

/** Throws CollectorError `sandbox_missing` with what is missing. */
export function mustSupportLandlock(native: NativeCalls): number {
  let abi: number;
  try {
    abi = native.syscall('ask for Landlock', createRulesetCall, 0, 0, askVersion);
  } catch (error) {
    const cause = error instanceof NativeError ? (absence[error.errno] ?? error.message) : String(error);
    throw new CollectorError('sandbox_missing', cause, { cause: error });
  }
  if (abi >= abiMin) return abi;
  const known = `this kernel's Landlock is of ABI ${abi}, which cannot allow renaming between directories`;
  throw new CollectorError('sandbox_missing', `${known}: it takes ABI ${abiMin}, Linux 5.19`);
}

const absence: Readonly<Record<string, string>> = {
  ENOSYS: 'this kernel has no Landlock: it came with Linux 5.13, and may be left out of a build',
  EOPNOTSUPP: 'Landlock is switched off in this kernel: add landlock to its boot parameter lsm=',
  EPERM: 'Landlock is forbidden to this process, perhaps by the seccomp profile of its container',
};

/** The rights of files that a kernel of this ABI can withhold. */
function handledRights(abi: number): bigint {
  const [, count = 0] = fileRightsOf.find(([since]) => abi >= since) ?? [];
  return (1n << BigInt(count)) - 1n;
}

/** What is held, in words. */
export function heldByLandlock(abi: number): readonly string[] {
  return ['files', ...(abi >= abiOfTcp ? ['TCP ports'] : []), ...(abi >= abiOfScopes ? ['signals'] : [])];
}

/** Gives up all but what is allowed, for this thread and what it runs; as long as it throws, nothing is given up. */
export function restrictByLandlock(native: NativeCalls, abi: number, allowed: Allowed): void {
  const handled = handledRights(abi);
  const attributes = Buffer.alloc(24);
  attributes.writeBigUInt64LE(handled, 0);
  attributes.writeBigUInt64LE(abi >= abiOfTcp ? bindTcp | connectTcp : 0n, 8);
  attributes.writeBigUInt64LE(abi >= abiOfScopes ? abstractSockets | signals : 0n, 16);
  const ruleset = native.syscall('create a ruleset', createRulesetCall, attributes, attributes.length, 0);
  try {
    for (const right of allowed.paths) addPath(native, ruleset, { ...right, rights: right.rights & handled });
    if (abi >= abiOfTcp) addPort(native, ruleset, allowed.bindPort);
    native.syscall('restrict this process', restrictSelfCall, ruleset, 0);
  } finally {
    closeSync(ruleset);
  }
}

function addPath(native: NativeCalls, ruleset: number, { path, rights, required, pinned }: PathRight): void {
  let fd: number;
  try {
    fd = openSync(path, pathOnly);
  } catch (error) {
    if (!required) return;
    throw error;
  }
  const rule = Buffer.alloc(12);
  rule.writeBigUInt64LE(rights, 0);
  rule.writeInt32LE(fd, 8);
  native.syscall(`allow ${path}`, addRuleCall, ruleset, pathRule, rule, 0);
  if (pinned) native.inherit(fd);
  else closeSync(fd);
}

function addPort(native: NativeCalls, ruleset: number, port: number): void {
  const rule = Buffer.alloc(16);
  rule.writeBigUInt64LE(bindTcp, 0);
  rule.writeBigUInt64LE(BigInt(port), 8);
  native.syscall(`allow port ${port}`, addRuleCall, ruleset, portRule, rule, 0);
}

const createRulesetCall = 444;
const addRuleCall = 445;
const restrictSelfCall = 446;
const askVersion = 1;
const pathRule = 1;
const portRule = 2;
const bindTcp = 1n << 0n;
const connectTcp = 1n << 1n;
const abstractSockets = 1n << 0n;
const signals = 1n << 1n;
/** `O_PATH`, which Node does not name: 0x200000 on x64 and arm64. */
const pathOnly = 0x200000 | constants.O_RDONLY;
