import type { SegmentWriter } from '../../src/core/ports/segment-writer.js';
import type { SpoolSegment } from '../../src/core/ports/spool-reader.js';

/** Answers each insert as the test says; one insert at a time, or the test fails. */
export class ScriptedWriter implements SegmentWriter {
  /** What the store has of a segment that is given up. */
  readonly arrived = new Map<string, string>();
  readonly inserted: string[] = [];
  readonly attempts: string[] = [];
  readonly #answers: (Error | Promise<void>)[] = [];
  #running = 0;
  runningMost = 0;

  /** The next insert fails so, or takes as long as the promise. */
  answer(...answers: readonly (Error | Promise<void>)[]): void {
    this.#answers.push(...answers);
  }

  async giveUp(segment: SpoolSegment): Promise<string | null> {
    return this.arrived.get(segment.id) ?? null;
  }

  async insert(segment: SpoolSegment): Promise<void> {
    this.attempts.push(segment.id);
    this.#running++;
    this.runningMost = Math.max(this.runningMost, this.#running);
    try {
      const answer = this.#answers.shift();
      if (answer instanceof Error) throw answer;
      await answer;
      this.inserted.push(segment.id);
    } finally {
      this.#running--;
    }
  }
}
