import type { TidemarkEvent } from '../event.js';
import type { Flowing } from './context.js';
import type { Classify } from './failure.js';
import type { Ids } from './ids.js';
import type { Shared } from './options.js';
import type { Beginning, Scope } from './scope.js';
import type { Surroundings } from './surroundings.js';

/** An event that is being made. */
export type DraftEvent = { -readonly [Name in keyof TidemarkEvent]: TidemarkEvent[Name] };

/** What handles need of their client. */
export interface Recorder<Self extends Scope> {
  readonly ids: Ids;
  readonly surroundings: Surroundings;
  readonly classify: Classify | undefined;
  /** What the client itself was told. */
  readonly shared: Shared;
  /** Begins a run, a task or a step. */
  open(beginning: Beginning): Self;
  flowing(): Flowing<Self> | undefined;
  /** Runs `work` with what flows into it. */
  within<Result>(flowing: Flowing<Self>, work: () => Result): Result;
  /** Nothing is sent: what would be told need not be made. */
  readonly isOff: boolean;
  /** Takes an event; adds its id and, unless it has one, its time. Never throws. */
  record(event: DraftEvent): void;
  /** Runs a piece of telemetry; what it throws is a problem of ours, and no caller's. */
  quietly(work: () => void): void;
  noteProblem(error: unknown): void;
  noteMended(count: number): void;
  noteBegun(handle: Self): void;
  noteEnded(handle: Self): void;
  /** Null when there is room, or nothing waits for it. */
  room(): Promise<void> | null;
}
