/**
 * Statements that passed the guard, by user, database and exact text. A query of a dashboard is the same text each
 * time, its values travel as parameters, so the engine needs to print and to explain it once: 6 to 7 ms of CPU.
 *
 * The verdict on a text depends on nothing else, with one exception: a parameter of type Identifier names something
 * itself, so a text that could have one is never remembered. What a table is may change; see `forget`.
 */
export class PassedStatements<Passed> {
  readonly #passed = new Map<string, Passed>();

  find(key: string): Passed | undefined {
    const passed = this.#passed.get(key);
    if (passed === undefined) return undefined;
    // The map is in order of use.
    this.#passed.delete(key);
    this.#passed.set(key, passed);
    return passed;
  }

  /** The least recently used is forgotten when there are too many. */
  add(key: string, passed: Passed): void {
    if (key.length > keyCharactersMax) return;
    if (this.#passed.size >= textsMax) {
      const [oldest] = this.#passed.keys();
      if (oldest !== undefined) this.#passed.delete(oldest);
    }
    this.#passed.set(key, passed);
  }

  /** After a change of the schema. */
  forget(): void {
    this.#passed.clear();
  }
}

/** With the text, the printed text and its tokens some 10 MiB at most. */
const textsMax = 256;
const keyCharactersMax = 8_192;
