import { mendText } from './mend.js';
import type { Shared } from './options.js';
import type { Scope } from './scope.js';

/** Fields of an event, by the names of the options. */
const fieldOfShared = {
  agent: 'agent_id',
  agentName: 'agent_name',
  agentVersion: 'agent_version',
  session: 'session_id',
  user: 'user_id',
  flow: 'flow_id',
  crew: 'crew_id',
  engagement: 'engagement_id',
  environment: 'environment',
} as const satisfies Record<keyof Required<Shared>, string>;

const sharedNames = Object.keys(fieldOfShared) as (keyof Shared)[];

/** Of options that hold more; null when they say nothing of it. */
export function sharedOf(options: Shared): Shared | null {
  let taken: Record<string, string | undefined> | null = null;
  for (const name of sharedNames) {
    if (options[name] === undefined) continue;
    taken ??= {};
    taken[name] = mendText(options[name]);
  }
  return taken;
}

/** What `inner` says, and what `outer` said where it says nothing. The name of an agent is not that of another. */
export function inherit(outer: Shared, inner: Shared | null): Shared {
  if (inner === null) return outer;
  const isAnother = inner.agent !== undefined && inner.agent !== outer.agent;
  const { agentName: _name, agentVersion: _version, ...others } = outer;
  return { ...(isAnother ? others : outer), ...inner };
}

type SharedFields = Readonly<Record<string, unknown>> | null;

/** By the object, which is the same for all that inherit it. */
const fieldsOf = new WeakMap<Shared, SharedFields>();

/** Without the agent, which every event has; null when there are none. */
export function sharedFields(shared: Shared): SharedFields {
  const known = fieldsOf.get(shared);
  if (known !== undefined) return known;
  let fields: Record<string, unknown> | null = null;
  for (const name of sharedNames) {
    if (name === 'agent' || shared[name] === undefined) continue;
    fields ??= {};
    fields[fieldOfShared[name]] = shared[name];
  }
  fieldsOf.set(shared, fields);
  return fields;
}

/** Of `retry`: what begins directly inside keeps its id over the attempts. */
export class Attempts {
  attempt = 1;
  readonly #ids = new Map<string, string>();
  #turns = new Map<string, number>();

  next(): void {
    this.attempt += 1;
    this.#turns = new Map();
  }

  /** The id of the n-th of its kind and name in this attempt. */
  idOf(kind: string, name: string, create: () => string): string {
    const place = `${kind}\n${name}`;
    const turn = (this.#turns.get(place) ?? 0) + 1;
    this.#turns.set(place, turn);
    const key = `${place}\n${turn}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = create();
    this.#ids.set(key, id);
    return id;
  }
}

/** What flows: the innermost handle, and the attempts of a `retry` that was begun directly inside it. */
export interface Flowing<Self extends Scope = Scope> {
  readonly handle: Self | null;
  readonly attempts: Attempts | null;
}
