import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { buildNative } from './native-program.js';

/** Calls of the C library, by what they do to a file. */
const faultCalls = {
  open: 1,
  write: 2,
  sync: 4,
  rename: 8,
  link: 16,
  remove: 32,
  truncate: 64,
  makeDirectory: 128,
} as const;

export type FaultCall = keyof typeof faultCalls;

export interface Fault {
  readonly in: 'collector' | 'engine' | 'both';
  readonly calls: readonly FaultCall[];
  /** Shell patterns of paths, joined by `|`; a star goes over slashes. Of a rename its new name is meant. */
  readonly paths: string;
  readonly except?: string;
  /** The process stops (SIGSTOP) before the call instead of failing; a write may be done by half. */
  readonly action?: 'fail' | 'stop' | 'half';
  readonly error?: 'EIO' | 'ENOSPC' | 'EMFILE' | 'ENOENT';
  /** Matching calls that pass first; how many are hit then, and how likely each is. */
  readonly skipped?: number;
  readonly hitsMax?: number;
  readonly probability?: number;
  readonly seed?: number;
}

/**
 * Faults in the file calls of a collector and its engine, switched while they run: `faults.c`, which they load before
 * the C library. Layout of its control file, little-endian: armed, processes, calls, errno, action, skipped, hitsMax,
 * perMillion (u32 each), seed (u64), matched, hits (u32), pattern, except (256 bytes), last path hit (512 bytes).
 */
export class FaultSwitch {
  readonly #path: string;
  readonly #fd: number;
  #hitsMax = 0;

  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, 'w+');
    writeSync(this.#fd, Buffer.alloc(controlBytes), 0, controlBytes, 0);
  }

  /** Of the collector's process. */
  get environment(): Readonly<Record<string, string>> {
    return { LD_PRELOAD: buildNative('faults'), TIDEMARK_TEST_FAULTS: this.#path };
  }

  set(fault: Fault): void {
    this.clear();
    const block = Buffer.alloc(controlBytes - 4);
    this.#hitsMax = fault.hitsMax ?? 0xffffffff;
    const numbers = [
      { collector: 1, engine: 2, both: 3 }[fault.in],
      fault.calls.reduce((mask, call) => mask | faultCalls[call], 0),
      constants.errno[fault.error ?? 'EIO'],
      { fail: 0, stop: 1, half: 2 }[fault.action ?? 'fail'],
      fault.skipped ?? 0,
      this.#hitsMax,
      Math.round(1_000_000 * (fault.probability ?? 1)),
    ];
    for (const [index, number] of numbers.entries()) block.writeUInt32LE(number, 4 * index);
    block.writeBigUInt64LE(BigInt(fault.seed ?? 1), placeOf.seed - 4);
    block.write(mustFit(fault.paths), placeOf.pattern - 4);
    block.write(mustFit(fault.except ?? ''), placeOf.except - 4);
    writeSync(this.#fd, block, 0, block.length, 4);
    this.#arm(1);
  }

  clear(): void {
    this.#arm(0);
  }

  /** Calls that were hit since `set`, and the last one's path. */
  hits(): { readonly count: number; readonly last: string } {
    const block = Buffer.alloc(controlBytes);
    readSync(this.#fd, block, 0, controlBytes, 0);
    const last = block.subarray(placeOf.last);
    const count = Math.min(block.readUInt32LE(placeOf.hits), this.#hitsMax);
    return { count, last: last.subarray(0, last.indexOf(0)).toString() };
  }

  close(): void {
    this.clear();
    closeSync(this.#fd);
  }

  #arm(value: number): void {
    const word = Buffer.alloc(4);
    word.writeUInt32LE(value);
    writeSync(this.#fd, word, 0, 4, 0);
  }
}

/** Why there are no such faults here, or null. */
export function faultSwitchAbsence(): string | null {
  if (process.platform !== 'linux') return `faults are injected on Linux only, this is ${process.platform}`;
  try {
    buildNative('faults');
    return null;
  } catch {
    return 'there is no C compiler (cc)';
  }
}

const placeOf = { seed: 32, hits: 44, pattern: 48, except: 304, last: 560 } as const;
const controlBytes = 1_072;

function mustFit(patterns: string): string {
  if (Buffer.byteLength(patterns) > 255) throw new Error(`cannot set a fault: more than 255 bytes of patterns`);
  return patterns;
}
