/** One at a time, in the order of asking: an insert, or what must not run beside one. */
export class InsertTurn {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` when everything asked for before has ended, whichever way. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
