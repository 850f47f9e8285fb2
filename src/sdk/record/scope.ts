import type { TidemarkEvent } from '../event.js';
import type { FailOptions, KindOptions, Shared, StepKind, Usage } from './options.js';

export type Part = 'run' | 'task' | 'step';

/** Ids by which an event belongs to what it is about. */
export interface Place {
  readonly run_id?: string | undefined;
  readonly task_id?: string | undefined;
  readonly step_id?: string | undefined;
  readonly attempt?: number | undefined;
}

/** What the words need of a handle around them. */
export interface Scope {
  /** Empty: of nothing. */
  readonly id: string;
  readonly part: Part;
  readonly place: Place;
  readonly shared: Shared;
  /** The fields that every event about this, or from inside it, has. */
  identity(): Pick<TidemarkEvent, 'agent_id'> & Place;
  usage(usage: Usage): void;
  label(labels: Readonly<Record<string, string | number | boolean>>): void;
  end(): void;
  fail(error: unknown, options?: FailOptions): void;
}

/** What is given where nothing is. */
export const noOptions: KindOptions = Object.freeze({});

export interface Beginning {
  readonly part: Part;
  readonly id: string;
  readonly name: string;
  readonly place: Place;
  readonly parentId: string | undefined;
  readonly shared: Shared;
  readonly stepKind?: StepKind | undefined;
  readonly options: KindOptions;
  /** It begins and ends elsewhere, or not at all: only what is inside is told. */
  readonly foreign?: boolean;
}
