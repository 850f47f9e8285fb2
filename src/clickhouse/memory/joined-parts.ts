interface Joined {
  readonly values: readonly unknown[];
  readonly result: Promise<unknown>;
  /** The result, or that of earlier values while it is not there; null: there was none. */
  made: unknown;
}

/** What the values of the parts of a table are together, as it was made last. */
export class JoinedParts {
  #last: Joined | null = null;

  /** Made of `values`, unless it was made of the same; who asks while it is made waits for it. Rejects as `join`. */
  async of<Value, Made>(
    values: readonly Value[],
    join: (values: readonly Value[], before: Made | null) => Made | Promise<Made>,
  ): Promise<Made> {
    const before = this.#last;
    const isSame = before?.values.length === values.length && values.every((value, at) => value === before.values[at]);
    if (before !== null && isSame) return (await before.result) as Made;
    const known = before?.made ?? null;
    const result = Promise.resolve(join(values, known as Made | null));
    const joined: Joined = { values, result, made: known };
    this.#last = joined;
    try {
      const made = await result;
      joined.made = made;
      return made;
    } catch (error) {
      if (this.#last === joined) this.#last = before;
      throw error;
    }
  }
}
