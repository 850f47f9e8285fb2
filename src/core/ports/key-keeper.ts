import type { OwnKeyLimits } from '../key-limits.js';
import type { Scope } from './authenticator.js';

/** An API key as it is listed: never the key itself, of which only a digest is kept. */
export interface KeyRecord {
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Null: the key is bound to no user. */
  readonly user: string | null;
  /** RFC 3339. */
  readonly created: string;
  /** RFC 3339; null: it has the secret it was made with. */
  readonly rotated: string | null;
  /** Until when a secret of before is good; null when none is. */
  readonly previousUntil: string | null;
  /** Its own; what is absent is the configuration's. */
  readonly limits: OwnKeyLimits;
  /** Events of the present UTC day; null for a key without a daily quota. */
  readonly eventsToday: number | null;
}

export interface KeyOrder {
  readonly tenant: string;
  readonly scopes: readonly Scope[];
  readonly user: string | null;
  readonly limits?: OwnKeyLimits;
}

/**
 * The API keys of the data directory. Every call rejects with `keys_configured` where the keys come from the
 * configuration instead. A change is on disk, and in force in this process, when the call resolves.
 */
export interface KeyKeeper {
  /** Those of a tenant, in the order they were made. */
  list(tenant: string): Promise<readonly KeyRecord[]>;
  /** The key itself is told this once. Rejects with `keys_exhausted` when the tenant has as many as it may. */
  create(order: KeyOrder): Promise<{ readonly key: string; readonly record: KeyRecord }>;
  /**
   * A new secret for the key, told this once; the ones of before are good for no longer than `overlapMs`. Null when the
   * tenant has no key of this name. Rejects with `keys_rotating` when too many of its secrets are good.
   */
  rotate(
    tenant: string,
    name: string,
    overlapMs: number,
  ): Promise<{ readonly key: string; readonly record: KeyRecord } | null>;
  /** In place of the limits it has had; null when the tenant has no key of this name. */
  limit(tenant: string, name: string, limits: OwnKeyLimits): Promise<KeyRecord | null>;
  /** The key that is known no longer; null when the tenant has none of this name. */
  revoke(tenant: string, name: string): Promise<KeyRecord | null>;
}

/** How long both secrets of a rotated key are good. */
export const overlapMsDefault = 86_400_000;
export const overlapMsMax = 30 * 86_400_000;
