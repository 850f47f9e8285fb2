import type { Role, StatementShape } from './statement-guard.js';

/**
 * Reads that passed the guard, by role and exact text. A query of the collector or of a dashboard is the same text each
 * time, its values travel as parameters, so the lexer and the engine's classifier need to see it once: 0.85 ms of CPU
 * and a turn of libuv's pool for the 1.4 kB of an agent's metrics, of 11 ms altogether.
 *
 * The verdict on a text depends on nothing else, with one exception: a parameter of type Identifier names something
 * itself, so a text that could have one is never remembered.
 */
export class PassedReads {
  readonly #shapes = new Map<string, StatementShape>();

  /** `text` is the whole SQL as latin1. */
  find(role: Role, text: string): StatementShape | undefined {
    const key = keyOf(role, text);
    const shape = this.#shapes.get(key);
    if (shape === undefined) return undefined;
    // The map is in order of use.
    this.#shapes.delete(key);
    this.#shapes.set(key, shape);
    return shape;
  }

  /** The least recently used is forgotten when there are too many. */
  add(role: Role, text: string, shape: StatementShape): void {
    if (text.length > textBytesMax || /identifier/i.test(text)) return;
    if (this.#shapes.size >= textsMax) {
      const [oldest] = this.#shapes.keys();
      if (oldest !== undefined) this.#shapes.delete(oldest);
    }
    this.#shapes.set(keyOf(role, text), shape);
  }
}

/** 2 MiB at most. */
const textsMax = 256;
const textBytesMax = 8_192;

function keyOf(role: Role, text: string): string {
  return `${role} ${text}`;
}
