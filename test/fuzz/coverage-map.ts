import { register } from 'node:module';

/** Counters of one file: of its statements, and of each way out of a branch. */
interface FileCounters {
  readonly s: Record<string, number>;
  readonly b: Record<string, number[]>;
}

/** Instruments what is imported from now on. */
export function registerCoverage(): void {
  register('./coverage-hook.js', import.meta.url);
}

/** Paths of what was imported since. */
export function coveredFiles(): string[] {
  return Object.keys(counted());
}

function counted(): Readonly<Record<string, FileCounters>> {
  return (globalThis as { __fuzzed__?: Record<string, FileCounters> }).__fuzzed__ ?? {};
}

/**
 * What an input reached: each counter with how often it was counted, in eight classes (1, 2, 3, 4…7, 8…15, 16…31,
 * 32…127, more), so that going round a loop more often counts as something new a few times and not for ever.
 */
export class CoverageMap {
  readonly #lists: readonly number[][];
  readonly #seen: Uint8Array;
  readonly #counters: number;

  /** Of all that has been imported. */
  constructor() {
    const files = Object.values(counted());
    this.#lists = files.flatMap(({ s, b }) => [s as unknown as number[], ...Object.values(b)]);
    this.#counters = this.#lists.reduce((sum, list) => sum + Object.keys(list).length, 0);
    this.#seen = new Uint8Array(this.#counters);
  }

  get counters(): number {
    return this.#counters;
  }

  get reached(): number {
    return this.#seen.reduce((sum, classes) => sum + (classes === 0 ? 0 : 1), 0);
  }

  /** Takes the counts of the last input: how much of it was never seen. Zeroes them. */
  take(): { readonly newCounters: number; readonly newClasses: number } {
    let [newCounters, newClasses] = [0, 0];
    const seen = this.#seen;
    this.#drain((place, count) => {
      const bit = 1 << classOf(count);
      const before = seen[place]!;
      if ((before & bit) !== 0) return;
      if (before === 0) newCounters++;
      newClasses++;
      seen[place] = before | bit;
    });
    return { newCounters, newClasses };
  }

  /** Places of the counters that the last input counted. Zeroes them. */
  takePlaces(): number[] {
    const places: number[] = [];
    this.#drain((place) => places.push(place));
    return places;
  }

  #drain(counted: (place: number, count: number) => void): void {
    let place = 0;
    for (const list of this.#lists) {
      for (let at = 0; ; at++, place++) {
        const count = list[at];
        if (count === undefined) break;
        if (count === 0) continue;
        list[at] = 0;
        counted(place, count);
      }
    }
  }
}

function classOf(count: number): number {
  if (count < 4) return count - 1;
  if (count < 8) return 3;
  if (count < 16) return 4;
  if (count < 32) return 5;
  return count < 128 ? 6 : 7;
}
