import { join } from 'node:path';

/** Names for pipes: those that are free again are given out first, so that there are as many as results at once. */
export class PipePaths {
  readonly #directory: string;
  readonly #free: string[] = [];
  #count = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  take(): string {
    return this.#free.pop() ?? join(this.#directory, String(++this.#count));
  }

  give(path: string): void {
    this.#free.push(path);
  }
}
