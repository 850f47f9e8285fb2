import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { integerBetween, seededRandom } from '../../src/cli/seeded-random.js';
import { CostWatch, cpuMs } from './cost-watch.js';
import { CoverageMap, coveredFiles, registerCoverage } from './coverage-map.js';
import type { FuzzTarget } from './fuzz-target.js';
import { HangWatch } from './hang-watch.js';
import { foundPath, keptPath, readInputs, writeInputs } from './kept-inputs.js';
import { Mutator } from './mutator.js';

/**
 * The process that works on one target: `run.ts` starts it with a name, seconds and a seed, and reads the report that
 * it prints at its end. Inputs that reach something new are mutated further; what throws is kept and gone past.
 */
export interface LoopReport {
  readonly target: string;
  readonly seed: number;
  readonly executions: number;
  readonly seconds: number;
  readonly counters: number;
  readonly reachedAtStart: number;
  readonly reached: number;
  readonly corpus: number;
  readonly kept: number;
  readonly findings: readonly string[];
  readonly slow: number;
  readonly medianNsPerByte: number;
  readonly slowest: { readonly ms: number; readonly bytes: number; readonly nsPerByte: number };
}

const hangMsMax = 20_000;
const findingsMax = 20;
const keptMax = 40;
const keptBytesMax = 4_096;

class FuzzLoop {
  readonly #name: string;
  readonly #target: FuzzTarget;
  readonly #coverage = new CoverageMap();
  readonly #watch: HangWatch;
  readonly #costs = new CostWatch();
  readonly #findings = new Map<string, string>();
  readonly #corpus: Uint8Array[] = [];
  #executions = 0;
  #slow = 0;

  constructor(name: string, target: FuzzTarget) {
    this.#name = name;
    this.#target = target;
    const path = foundPath(name, 'hang.bin');
    rmSync(dirname(path), { recursive: true, force: true });
    mkdirSync(dirname(path), { recursive: true });
    this.#watch = new HangWatch({ path, bytesMax: 1_048_576, msMax: hangMsMax });
  }

  async run(seconds: number, seed: number, begun: readonly Uint8Array[]): Promise<LoopReport> {
    const startMs = performance.now();
    const random = seededRandom(seed);
    const { words, bytesMax } = this.#target;
    const mutator = new Mutator({ random, words: [...words, ...literals()], bytesMax });
    for (const input of begun) await this.#try(input);
    const reachedAtStart = this.#coverage.reached;
    const corpus = this.#corpus;
    while (performance.now() - startMs < seconds * 1_000) {
      // What was found last leads on more often than what was found long ago.
      const first = random() < 0.5 ? 0 : Math.floor(0.8 * corpus.length);
      const one = corpus[integerBetween(random, { min: first, max: corpus.length - 1 })]!;
      const other = corpus[integerBetween(random, { min: 0, max: corpus.length - 1 })]!;
      await this.#try(mutator.mutate(one, other));
    }
    const executions = this.#executions;
    const reached = this.#coverage.reached;
    const kept = await this.#smallest();
    writeInputs(foundPath(this.#name), corpus);
    writeInputs(foundPath(this.#name, 'kept.txt'), kept);
    await this.#watch.end();
    return {
      target: this.#name,
      seed,
      executions,
      seconds: Math.round((performance.now() - startMs) / 1_000),
      counters: this.#coverage.counters,
      reachedAtStart,
      reached,
      corpus: corpus.length,
      kept: kept.length,
      findings: [...this.#findings.values()],
      slow: this.#slow,
      medianNsPerByte: Math.round(this.#costs.medianNsPerByte),
      slowest: this.#costs.slowest,
    };
  }

  async #try(input: Uint8Array): Promise<void> {
    this.#executions++;
    const ms = await this.#measured(input);
    if (this.#coverage.take().newClasses > 0) this.#corpus.push(input);
    if (ms === null || !this.#target.isTimed || !this.#costs.standsOut(ms)) return;
    let best = ms;
    for (let time = 0; time < measurements; time++) {
      const again = await this.#measured(input);
      if (again !== null && again.ms < best.ms) best = again;
    }
    if (this.#costs.isSlow(best) && this.#slow++ < findingsMax) this.#keep(`slow-${this.#slow}.bin`, input);
    this.#coverage.take();
  }

  async #measured(input: Uint8Array): Promise<{ readonly ms: number; readonly bytes: number } | null> {
    this.#watch.begin(input);
    if (!this.#target.isTimed) this.#keep('current.bin', input);
    const startMs = cpuMs();
    try {
      const worked = this.#target.run(input);
      const bytes = (worked instanceof Promise ? await worked : worked) ?? input.length;
      return { ms: cpuMs() - startMs, bytes };
    } catch (error) {
      this.#note(error, input);
      return null;
    }
  }

  /** One finding for a place and a message, however many inputs lead there. */
  #note(error: unknown, input: Uint8Array): void {
    const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
    const place = /at .*dist\/(?:src|test)\/(.*)\)?$/m.exec(stack)?.[1] ?? '';
    const text = `${message.slice(0, 300).replaceAll('\n', ' ')} (${place})`;
    const key = text.replaceAll(/\d+/g, '0').slice(0, 100);
    if (this.#findings.has(key) || this.#findings.size >= findingsMax) return;
    const file = `finding-${this.#findings.size + 1}.bin`;
    this.#keep(file, input);
    this.#keep(`${file}.txt`, Buffer.from(stack));
    this.#findings.set(key, `${file}: ${text}`);
  }

  #keep(name: string, bytes: Uint8Array): void {
    writeFileSync(foundPath(this.#name, name), bytes);
  }

  /** Few inputs, short before long, that together reach what all of them do. */
  async #smallest(): Promise<Uint8Array[]> {
    const entries: { readonly input: Uint8Array; readonly places: readonly number[] }[] = [];
    for (const input of this.#corpus) {
      if (input.length > keptBytesMax) continue;
      await this.#measured(input);
      entries.push({ input, places: this.#coverage.takePlaces() });
    }
    const reached = new Set<number>();
    const kept: Uint8Array[] = [];
    while (kept.length < keptMax) {
      let best: (typeof entries)[number] | null = null;
      let bestWorth = 0;
      for (const entry of entries) {
        const fresh = entry.places.reduce((sum, place) => (reached.has(place) ? sum : sum + 1), 0);
        const worth = fresh / (200 + entry.input.length);
        if (worth > bestWorth) [best, bestWorth] = [entry, worth];
      }
      if (best === null) break;
      for (const place of best.places) reached.add(place);
      kept.push(best.input);
    }
    return kept;
  }
}

const measurements = 5;

/** Short texts of the code under test: what it compares its input with is among them. */
function literals(): string[] {
  const sources = coveredFiles().map((path) => readFileSync(path, 'utf8'));
  return sources.flatMap((source) => [...source.matchAll(/'([^'\\\n]{2,32})'/g)].map((match) => match[1]!));
}

const [name = '', seconds = '', seed = ''] = process.argv.slice(2);
registerCoverage();
const { openTarget } = await import('./open-target.js');
const target = await openTarget(name);
const begun = [
  ...target.seeds().map((one) => Uint8Array.from(Buffer.from(one as string))),
  ...readInputs(keptPath(name)),
];
const loop = new FuzzLoop(name, target);
const told = await loop.run(Number(seconds), Number(seed), begun);
process.stdout.write(`${JSON.stringify(told)}\n`);
await target.close?.();
process.exit(0);
