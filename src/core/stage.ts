/**
 * The one lifecycle contract. `collector.ts` starts the stages in order and stops them in reverse.
 * `stop` is idempotent, safe before `start`, flushes what it can and returns within `deadlineMs`.
 */
export interface Stage {
  readonly name: string;
  start(): Promise<void>;
  stop(deadlineMs: number): Promise<void>;
}
