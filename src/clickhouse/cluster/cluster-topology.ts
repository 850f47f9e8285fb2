import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../core/clock.js';
import { CollectorError } from '../../core/errors.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { integer64 } from '../queries/sql/column-types.js';

export interface Shard {
  /** From 1, as `insert_shard_id` counts. */
  readonly number: number;
  readonly weight: number;
  /** One replica gets an insert and the others fetch it, rather than each getting it. */
  readonly isReplicatedInside: boolean;
  readonly replicas: number;
}

const shardRow = z.object({ number: integer64, weight: integer64, inside: integer64, replicas: integer64 });

/** How long what was read of the cluster holds. */
const heldMs = 60_000;

/** The shards of a cluster, as the server that answers has them configured. */
export class ClusterTopology {
  readonly #deps: { readonly store: StoreReader; readonly clock: Clock };
  readonly #cluster: string;
  #read: { readonly atMs: number; readonly shards: readonly Shard[] } | null = null;

  constructor(deps: { readonly store: StoreReader; readonly clock: Clock }, cluster: string) {
    this.#deps = deps;
    this.#cluster = cluster;
  }

  /** Rejects as `StoreReader.rows`, and with `store_unreachable` when the server does not know the cluster. */
  async shards(): Promise<readonly Shard[]> {
    const nowMs = this.#deps.clock.monotonicMs();
    if (this.#read !== null && nowMs - this.#read.atMs < heldMs) return this.#read.shards;
    const rows = await checkedRows(this.#deps.store, shardRow, {
      name: 'shards_of_the_cluster',
      sql: `
        SELECT shard_num AS number, any(shard_weight) AS weight, min(internal_replication) AS inside,
          count() AS replicas
        FROM system.clusters WHERE cluster = {cluster:String} GROUP BY number ORDER BY number`,
      params: { cluster: this.#cluster },
    });
    if (rows.length === 0) {
      const what = `the server knows no cluster ${this.#cluster} (system.clusters)`;
      throw new CollectorError('store_unreachable', `cannot choose a shard: ${what}`);
    }
    const shards = rows.map(({ inside, ...row }) => ({ ...row, isReplicatedInside: inside === 1 }));
    this.#read = { atMs: nowMs, shards };
    return shards;
  }
}

/**
 * The shard of an id: the one whose hash with it, by its weight, is highest, so that shards that come later take only
 * what they get (rendezvous hashing; D. Thaler and C. Ravishankar, 1998; weights as in J. Schindelhauer and G.
 * Schomaker, 2005).
 */
export function shardOf(id: string, shards: readonly Shard[]): number {
  let best = { number: 0, score: Number.NEGATIVE_INFINITY };
  for (const { number, weight } of shards) {
    const hash = createHash('sha256').update(`${id}\n${number}`).digest().readUIntBE(0, 6);
    const score = -Math.max(weight, 1) / Math.log((hash + 0.5) / 2 ** 48);
    if (score > best.score) best = { number, score };
  }
  return best.number;
}
