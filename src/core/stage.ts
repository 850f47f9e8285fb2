import { errorMessage } from './errors.js';

/**
 * The one lifecycle contract; a stage has what it needs of it. A `StageList` starts the stages in order and stops them
 * in reverse. `stop` is idempotent, safe before `start`, flushes what it can and returns within `deadlineMs`.
 */
export interface Stage {
  readonly name: string;
  start?(): Promise<void>;
  stop?(deadlineMs: number): Promise<void>;
}

/** Stages that do not need each other, as one: started one after the other, stopped at once. */
export function sideBySide(name: string, stages: readonly Stage[]): Stage {
  return {
    name,
    async start() {
      for (const stage of stages) await stage.start?.();
    },
    async stop(deadlineMs) {
      const ends = await Promise.allSettled(stages.map(async (stage) => stage.stop?.(deadlineMs)));
      const errors = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
      if (errors.length > 0) throw new AggregateError(errors, errors.map(errorMessage).join('; '));
    },
  };
}
