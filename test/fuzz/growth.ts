import { writeFileSync } from 'node:fs';
import { seededRandom } from '../../src/cli/seeded-random.js';
import type { Random } from '../../src/core/clock.js';
import { cpuMs } from './cost-watch.js';
import type { FuzzTarget } from './fuzz-target.js';
import { foundPath, readInputs } from './kept-inputs.js';
import { openTarget } from './open-target.js';

/**
 * Whether work grows as its input does. Each input that the fuzzer found is made long, by one of its parts coming again
 * and again, once to 16 KiB and once to sixteen times that: linear work takes sixteen times as long, work that is not
 * some two hundred times. `run.ts` starts it, without counters in the code.
 */
export interface GrowthReport {
  readonly target: string;
  readonly stretched: number;
  /** How much more time a byte took in the longer one, at most. */
  readonly steepest: number;
  readonly findings: readonly string[];
}

const shortBytes = 16_384;
const longBytes = 16 * shortBytes;
/** Between linear, 1, and quadratic, 16. */
const steepMin = 5;
/** Times below this say nothing. */
const msMin = 10;
const partsOfEach = 6;
const findingsMax = 20;

class Growth {
  readonly #name: string;
  readonly #target: FuzzTarget;
  readonly #findings: string[] = [];
  #stretched = 0;
  #steepest = 0;

  constructor(name: string, target: FuzzTarget) {
    this.#name = name;
    this.#target = target;
  }

  async run(inputs: readonly Uint8Array[], options: { readonly seconds: number; readonly seed: number }) {
    const endMs = performance.now() + options.seconds * 1_000;
    const random = seededRandom(options.seed);
    for (let round = 0; performance.now() < endMs && round < partsOfEach; round++) {
      for (const input of inputs) {
        if (performance.now() > endMs || this.#findings.length === findingsMax) break;
        await this.#look(input, partOf(input, random));
      }
    }
    const told: GrowthReport = {
      target: this.#name,
      stretched: this.#stretched,
      steepest: Math.round(10 * this.#steepest) / 10,
      findings: this.#findings,
    };
    return told;
  }

  async #look(input: Uint8Array, part: readonly [start: number, end: number]): Promise<void> {
    this.#stretched++;
    const long = stretched(input, part, longBytes);
    const short = stretched(input, part, shortBytes);
    writeFileSync(foundPath(this.#name, 'current.bin'), long);
    let steep = Number.POSITIVE_INFINITY;
    for (let time = 0; time < measurements && steep >= steepMin; time++) {
      const longMs = await this.#msOf(long);
      if (longMs < msMin) return;
      const shortMs = Math.min(await this.#msOf(short), await this.#msOf(short));
      steep = Math.min(steep, longMs / long.length / (Math.max(shortMs, 0.05) / short.length));
    }
    if (steep > this.#steepest) this.#steepest = steep;
    if (steep < steepMin) return;
    const file = `steep-${this.#findings.length + 1}.bin`;
    writeFileSync(foundPath(this.#name, file), long);
    this.#findings.push(`${file}: a byte takes ${steep.toFixed(1)} times longer in an input sixteen times as long`);
  }

  async #msOf(bytes: Uint8Array): Promise<number> {
    const startMs = cpuMs();
    try {
      await this.#target.run(bytes);
    } catch {
      // What must hold is looked after elsewhere; this is about time.
    }
    return cpuMs() - startMs;
  }
}

const measurements = 4;

function partOf({ length }: Uint8Array, random: Random): readonly [start: number, end: number] {
  const start = Math.floor(random() * length);
  const size = 1 + Math.floor(random() ** 2 * (length - start));
  return [start, Math.min(length, start + size)];
}

function stretched(input: Uint8Array, [start, end]: readonly [number, number], bytes: number): Uint8Array {
  const part = input.subarray(start, end);
  const times = part.length === 0 ? 1 : Math.ceil(bytes / part.length);
  const many = Array.from({ length: times }, () => part);
  return Uint8Array.from(Buffer.concat([input.subarray(0, start), ...many, input.subarray(end)]));
}

const [name = '', seconds = '', seed = ''] = process.argv.slice(2);
const target = await openTarget(name);
const growth = new Growth(name, target);
const told = await growth.run(readInputs(foundPath(name)), { seconds: Number(seconds), seed: Number(seed) });
process.stdout.write(`${JSON.stringify(told)}\n`);
process.exit(0);
