import type { AccessErrorCode } from '../errors.js';
import type { KeyLimits } from '../key-limits.js';

/** `metrics` is for the page of all tenants, so no key of a tenant has it by being its `admin`. */
export const scopes = ['ingest', 'read', 'admin', 'metrics'] as const;

export type Scope = (typeof scopes)[number];

/** Who is calling: the tenant always comes from the key. `admin` implies `ingest` and `read`. */
export interface Principal {
  readonly tenant: string;
  readonly scopes: ReadonlySet<Scope>;
  /** A short, non-secret name of the key, for logs. */
  readonly keyName: string;
  /** Content keys (prompts, responses) are accepted for this tenant. */
  readonly contentAllowed: boolean;
  /** The key is bound to this user: it sends, and is told, what is of this user alone. Absent or null: the tenant's. */
  readonly user?: string | null;
  /** Of the secret that was shown, which a key may have several of at one time; not the secret, nor a way to it. */
  readonly secretId?: string;
  /** What the key may send and ask; absent: without bounds. */
  readonly limits?: KeyLimits;
}

export interface Authenticator {
  /** `authorization` is the header's value, or undefined when none was sent. */
  authenticate(authorization: string | undefined, scope: Scope): Principal | AccessErrorCode;
}

export const anonymous: Principal = { tenant: '', scopes: new Set(), keyName: '', contentAllowed: false };
