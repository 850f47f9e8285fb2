import type { Shard } from '../cluster/cluster-topology.js';

/** Something about a server that its operator should know, with the statement that mends it. */
export interface ServerFinding {
  readonly what: string;
  /** SQL, or what to change in the configuration of the server. */
  readonly mend: string;
  /** Rows can be lost, doubled or refused; else they come late or cost more. */
  readonly isFault: boolean;
}

export interface ServerCheckOptions {
  readonly database: string;
  readonly cluster: string | null;
  readonly shards: readonly Shard[] | null;
}
