/** One at a time, in the order of asking. */
export class Turn {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` when everything asked for before has ended, whichever way. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Resolves when everything asked for has ended. */
  async over(): Promise<void> {
    await this.#last;
  }
}
