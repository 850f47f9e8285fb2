import { KeyTable } from '../../core/key-table.js';

/** The run a task was last started in, by agent and task alone, for events that leave the run out. */
export interface NamedRun {
  readonly runId: string;
  /** Key of the attempt that told it. */
  readonly key: number;
}

/**
 * Two generations of at most half of `namesMax` each: when the younger is full it becomes the older, and what the older
 * held is forgotten and reported. The text of a run is kept once a generation.
 */
export class RunNames {
  readonly #generationMax: number;
  readonly #onForgotten: (count: number) => void;
  #young = new Generation();
  #old = new Generation();

  constructor(namesMax: number, onForgotten: (count: number) => void) {
    this.#generationMax = Math.max(1, namesMax >> 1);
    this.#onForgotten = onForgotten;
  }

  /** Hot path: once a start that tells the run of its task. `runText` is called for a run that is new. */
  tell(alias: number, key: number, runKey: number, runText: () => string): void {
    this.#young.tell(alias, key, runKey, runText);
    if (this.#young.size < this.#generationMax) return;
    if (this.#old.size > 0) this.#onForgotten(this.#old.size);
    this.#old = this.#young;
    this.#young = new Generation();
  }

  /** Hot path: once an event of a task that leaves out its run. */
  find(alias: number): NamedRun | null {
    return this.#young.find(alias) ?? this.#old.find(alias);
  }
}

class Generation {
  readonly #places = new KeyTable();
  readonly #keys: number[] = [];
  readonly #runs: number[] = [];
  readonly #runPlaces = new KeyTable();
  readonly #runIds: string[] = [];

  get size(): number {
    return this.#keys.length;
  }

  tell(alias: number, key: number, runKey: number, runText: () => string): void {
    let run = this.#runPlaces.get(runKey);
    if (run < 0) {
      run = this.#runIds.push(runText()) - 1;
      this.#runPlaces.add(runKey, run);
    }
    let place = this.#places.get(alias);
    if (place < 0) {
      place = this.#keys.length;
      this.#places.add(alias, place);
    }
    this.#keys[place] = key;
    this.#runs[place] = run;
  }

  find(alias: number): NamedRun | null {
    const place = this.#places.get(alias);
    if (place < 0) return null;
    return { runId: this.#runIds[this.#runs[place]!]!, key: this.#keys[place]! };
  }
}
