/**
 * The one lifecycle contract. `collector.ts` starts the stages in order and stops them in reverse.
 * `stop` is idempotent, safe before `start`, flushes what it can and returns within `deadlineMs`.
 */
export interface Stage {
  readonly name: string;
  start(): Promise<void>;
  stop(deadlineMs: number): Promise<void>;
}

/** A stage that something else starts, when its time has come; stopped in its place like every other. */
export function startedElsewhere(stage: Stage): Stage {
  return { name: stage.name, start: async () => {}, stop: (deadlineMs) => stage.stop(deadlineMs) };
}
