import type { EventIdList } from '../event-batch.js';

/** Who looks for repeated event ids; what earlier processes have acknowledged is told to it before the first append. */
export interface EventIdSink {
  /** Answers how many of them were not known. */
  restore(ids: EventIdList): number;
  /** This many ids cannot be read any more. */
  forgotten(count: number): void;
}
