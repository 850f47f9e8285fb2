import { timingSafeEqual } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import type { Clock, Timer } from '../core/clock.js';
import { type AccessErrorCode, CollectorError, errorMessage } from '../core/errors.js';
import type { FileLocker } from '../core/file-lock.js';
import { type KeyLimitName, limitsOf, type OwnKeyLimits } from '../core/key-limits.js';
import { type Logger, silentLogger } from '../core/logger.js';
import type { Authenticator, Principal, Scope } from '../core/ports/authenticator.js';
import type { KeyKeeper, KeyOrder, KeyRecord } from '../core/ports/key-keeper.js';
import type { Stage } from '../core/stage.js';
import { instant } from '../core/time-text.js';
import { changeKeys, newKey, rotateKey, storedKeys } from './key-change.js';
import {
  adminKeyPath,
  adminKeyProblem,
  digestKey,
  generateKey,
  isMissing,
  type KeyGrant,
  keyFilePath,
  readKeyFile,
  replaceFile,
  type StoredKey,
  storedKeyOf,
  withLimits,
  writeKeyFile,
} from './key-file.js';

export interface ApiKeysDeps {
  readonly clock: Clock;
  /** Holds others out while the stored keys are changed. */
  readonly locker: FileLocker;
  readonly logger?: Logger;
}

export interface ApiKeysOptions {
  readonly dataDir: string;
  /** Keys set from outside: when there are any, none is generated and the stored ones are not used. */
  readonly keysFromConfig: readonly (KeyGrant & { readonly key: string })[];
  /** Opens `/metrics` and nothing else; null when there is none. */
  readonly metricsKey?: string | null;
  /** Tenants that opted in to content. */
  readonly contentTenants: readonly string[];
  /** Of keys without limits of their own; absent: none. */
  readonly keyLimits?: Readonly<Record<KeyLimitName, number>>;
}

export interface ApiKeys extends Authenticator, KeyKeeper, Stage {
  /** The admin key made at this start, to be printed once; null when there were keys. */
  readonly generatedAdminKey: string | null;
  /** Of the keys there are now, one for each key. */
  tenants(): Iterable<string>;
  /** Called when secrets are known no longer, with what tells who had one of them, and why. */
  onRevoked(listener: RevokedListener): void;
  /** Called with all keys there are, when some may be others than before. */
  onChanged(listener: (principals: readonly Principal[]) => void): void;
  /** Who knows what a key has sent today. */
  tellUse(eventsToday: EventsToday): void;
}

type EventsToday = (tenant: string, name: string) => number | null;

type RevokedListener = (isGone: (principal: Principal) => boolean, code: 'key_invalid' | 'key_rotated') => void;

/** A key file changed by the command line counts within this time, without a restart. */
const reloadIntervalMs = 1_000;
/** Whoever is connected and asks nothing hears so soon that its key is gone, or that its time is over. */
const watchIntervalMs = 5_000;
const headerCharactersMax = 512;
/** Made over the API: the file holds 100,000 of all tenants, and one must not take them all. */
const tenantKeysMax = 1_000;

/**
 * Who may call. Reads the keys of the data directory, or makes the first one: an admin key of tenant `default`.
 * Throws CollectorError `config_invalid` when the key file cannot be read, used or written.
 */
export function createApiKeys(deps: ApiKeysDeps, options: ApiKeysOptions): ApiKeys {
  if (options.keysFromConfig.length > 0) {
    const keys = options.keysFromConfig.map(({ key, ...grant }) => storedKeyOf(key, grant, deps.clock.nowMs()));
    return new KeyRing(deps, options, { keys, watched: false, generatedAdminKey: null });
  }
  const stored = readKeyFile(options.dataDir);
  if (stored !== null) checkAdminKey(deps, options, stored);
  if (stored !== null) return new KeyRing(deps, options, { keys: stored, watched: true, generatedAdminKey: null });
  if (existsSync(adminKeyPath(options.dataDir))) {
    const path = keyFilePath(options.dataDir);
    deps.logger?.error(
      { path },
      'the file of API keys is missing: no key of before is known any more, a new one is made',
    );
  }
  const generated = generateKey();
  const admin = storedKeyOf(generated, { tenant: 'default', scopes: ['admin'] }, deps.clock.nowMs());
  // The key before the list that counts it: after a crash in between, the next start makes both anew.
  replaceFile(adminKeyPath(options.dataDir), `${generated}\n`);
  writeKeyFile(options.dataDir, [admin]);
  return new KeyRing(deps, options, { keys: [admin], watched: true, generatedAdminKey: generated });
}

/** It may be gone, for safety, but what is there should be a key. */
function checkAdminKey({ logger }: ApiKeysDeps, { dataDir }: ApiKeysOptions, keys: readonly StoredKey[]): void {
  const path = adminKeyPath(dataDir);
  const problem = adminKeyProblem(dataDir, keys);
  if (problem?.what === 'unknown') {
    logger?.warn({ path }, 'the key in the file is not known: the demo and the command line cannot use it');
  } else if (problem !== null) {
    logger?.warn({ path, cause: problem.cause }, 'cannot read the key of the demo and the command line');
  }
}

interface Entry {
  readonly digest: Buffer;
  readonly principal: Principal;
  /** Until when the secret is good; infinite for the one of now. */
  readonly untilMs: number;
}

/** What the scope admin implies: not the page of metrics, which names the agents of all tenants. */
const adminScopes = ['ingest', 'read', 'admin'] as const;
/** Whoever sent the key of `metrics.key`: of no tenant. */
const metricsReader: Principal = {
  tenant: '',
  scopes: new Set<Scope>(['metrics']),
  keyName: 'metrics.key',
  contentAllowed: false,
};

interface RingStart {
  readonly keys: readonly StoredKey[];
  /** The keys come from the file and follow it. */
  readonly watched: boolean;
  readonly generatedAdminKey: string | null;
}

class KeyRing implements ApiKeys {
  readonly name = 'keys';
  readonly generatedAdminKey: string | null;
  readonly #locker: FileLocker;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #dataDir: string;
  readonly #contentTenants: ReadonlySet<string>;
  readonly #watched: boolean;
  readonly #metricsKey: string | null;
  readonly #keyLimits: Readonly<Record<KeyLimitName, number>>;
  readonly #revokedListeners: RevokedListener[] = [];
  readonly #changedListeners: ((principals: readonly Principal[]) => void)[] = [];
  #eventsToday: EventsToday = () => null;
  #entries: ReadonlyMap<string, Entry>;
  #fileVersion: string;
  #checkedMs: number;
  /** Digests of secrets whose time is over; who had them was told. */
  #ended: ReadonlySet<string> = new Set();
  #timer: Timer | null = null;

  constructor(deps: ApiKeysDeps, options: ApiKeysOptions, start: RingStart) {
    this.#locker = deps.locker;
    this.#clock = deps.clock;
    this.#logger = deps.logger ?? silentLogger;
    this.#dataDir = options.dataDir;
    this.#contentTenants = new Set(options.contentTenants);
    this.#keyLimits = options.keyLimits ?? unbounded;
    this.#watched = start.watched;
    this.#metricsKey = options.metricsKey ?? null;
    this.#entries = this.#entriesOf(start.keys);
    this.#fileVersion = start.watched ? fileVersion(keyFilePath(options.dataDir)) : '';
    this.#checkedMs = deps.clock.monotonicMs();
    this.generatedAdminKey = start.generatedAdminKey;
  }

  /**
   * Constant time with regard to the key: what is looked up and compared is its SHA-256, of which a caller cannot
   * choose a prefix, so how long a look-up takes says nothing of how near a guess was.
   */
  authenticate(authorization: string | undefined, scope: Scope): Principal | AccessErrorCode {
    if (authorization === undefined || authorization === '') return 'key_missing';
    if (authorization.length > headerCharactersMax) return 'key_invalid';
    const key = /^bearer +([^\s]+) *$/i.exec(authorization)?.[1];
    if (key === undefined) return 'key_invalid';
    if (this.#watched) this.#reloadWhenChanged();
    const digest = digestKey(key);
    const entry = this.#entries.get(digest.toString('hex'));
    if (entry === undefined || !timingSafeEqual(entry.digest, digest)) return 'key_invalid';
    if (entry.untilMs <= this.#clock.nowMs()) return 'key_rotated';
    return entry.principal.scopes.has(scope) ? entry.principal : 'scope_missing';
  }

  async start(): Promise<void> {
    if (this.#watched) this.#watch();
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
  }

  *tenants(): Iterable<string> {
    for (const { principal } of this.#entries.values()) yield principal.tenant;
  }

  onRevoked(listener: RevokedListener): void {
    this.#revokedListeners.push(listener);
  }

  onChanged(listener: (principals: readonly Principal[]) => void): void {
    this.#changedListeners.push(listener);
  }

  tellUse(eventsToday: EventsToday): void {
    this.#eventsToday = eventsToday;
  }

  async list(tenant: string): Promise<readonly KeyRecord[]> {
    this.#mustBeStored();
    return storedKeys(this.#dataDir)
      .filter((key) => key.tenant === tenant)
      .map((key) => this.#recordOf(key));
  }

  async create({
    tenant,
    scopes,
    user,
    limits,
  }: KeyOrder): Promise<{ readonly key: string; readonly record: KeyRecord }> {
    const grant = { tenant, scopes, user: user ?? undefined, limits };
    const made = await this.#change((keys) => {
      if (keys.filter((key) => key.tenant === tenant).length >= tenantKeysMax) {
        throw new CollectorError('keys_exhausted', `cannot make a key: the tenant has ${tenantKeysMax}`);
      }
      const { key, stored } = newKey(keys, grant, this.#clock.nowMs());
      return { keys: [...keys, stored], result: { key, record: this.#recordOf(stored) } };
    });
    this.#logger.info({ tenant, key: made.record.name, scopes, user }, 'an API key was made');
    return made;
  }

  async limit(tenant: string, name: string, limits: OwnKeyLimits): Promise<KeyRecord | null> {
    const limited = await this.#change<KeyRecord | null>((keys) => {
      const found = keys.find((key) => key.tenant === tenant && key.name === name);
      if (found === undefined) return { keys, result: null };
      const changed = withLimits(found, limits);
      return { keys: keys.map((key) => (key === found ? changed : key)), result: this.#recordOf(changed) };
    });
    if (limited !== null) this.#logger.info({ tenant, key: name, limits }, 'the limits of an API key were changed');
    return limited;
  }

  async rotate(tenant: string, name: string, overlapMs: number) {
    this.#mustBeStored();
    const deps = { clock: this.#clock, locker: this.#locker };
    const isMeant = (key: StoredKey) => key.tenant === tenant && key.name === name;
    const rotation = await rotateKey(deps, this.#dataDir, { isMeant, overlapMs }, (keys) => this.#take(keys));
    if (rotation === null) return null;
    this.#logger.info({ tenant, key: name, overlapMs }, 'an API key was rotated');
    return { key: rotation.key, record: this.#recordOf(rotation.stored) };
  }

  async revoke(tenant: string, name: string): Promise<KeyRecord | null> {
    const revoked = await this.#change<KeyRecord | null>((keys) => {
      const found = keys.find((key) => key.tenant === tenant && key.name === name);
      if (found === undefined) return { keys, result: null };
      return { keys: keys.filter((key) => key !== found), result: this.#recordOf(found) };
    });
    if (revoked !== null) this.#logger.info({ tenant, key: name }, 'an API key was revoked');
    return revoked;
  }

  /** What is stored is in force at once; the version is that of the file which was written under the lock. */
  async #change<Result>(
    change: (keys: readonly StoredKey[]) => { readonly keys: readonly StoredKey[]; readonly result: Result },
  ): Promise<Result> {
    this.#mustBeStored();
    const deps = { clock: this.#clock, locker: this.#locker };
    return changeKeys(deps, this.#dataDir, change, (keys) => this.#take(keys));
  }

  #take(keys: readonly StoredKey[]): void {
    this.#fileVersion = fileVersion(keyFilePath(this.#dataDir));
    this.#put(keys);
  }

  #watch(): void {
    this.#timer = this.#clock.setTimer(watchIntervalMs, () => {
      this.#reloadWhenChanged();
      this.#endSecrets();
      this.#watch();
    });
  }

  #mustBeStored(): void {
    if (this.#watched) return;
    throw new CollectorError(
      'keys_configured',
      'cannot keep API keys: the configuration sets them (TIDEMARK_API_KEYS)',
    );
  }

  /** One `stat` a second at most. A file that cannot be used leaves the keys as they are, and is told once. */
  #reloadWhenChanged(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#checkedMs < reloadIntervalMs) return;
    this.#checkedMs = nowMs;
    try {
      const version = fileVersion(keyFilePath(this.#dataDir));
      if (version === this.#fileVersion) return;
      this.#fileVersion = version;
      const keys = readKeyFile(this.#dataDir);
      if (keys === null) throw new CollectorError('config_invalid', 'cannot read the API keys: the file is gone');
      this.#put(keys);
      this.#logger.info({ keys: keys.length }, 'API keys read again');
    } catch (error) {
      this.#logger.error(
        { cause: errorMessage(error) },
        'cannot read the API keys again: the known ones stay in force',
      );
    }
  }

  #put(keys: readonly StoredKey[]): void {
    const before = this.#entries;
    this.#entries = this.#entriesOf(keys);
    const all = [...this.#entries.values()].map(({ principal }) => principal);
    for (const listener of this.#changedListeners) listener(all);
    const gone = [...before].filter(([digest]) => !this.#entries.has(digest)).map(([, entry]) => entry);
    this.#tell(gone, 'key_invalid');
    this.#endSecrets();
  }

  #endSecrets(): void {
    const nowMs = this.#clock.nowMs();
    const ended = [...this.#entries].filter(([, { untilMs }]) => untilMs <= nowMs);
    const fresh = ended.filter(([digest]) => !this.#ended.has(digest)).map(([, entry]) => entry);
    this.#ended = new Set(ended.map(([digest]) => digest));
    this.#tell(fresh, 'key_rotated');
  }

  #tell(gone: readonly Entry[], code: 'key_invalid' | 'key_rotated'): void {
    if (gone.length === 0) return;
    const ids = new Set(gone.map(({ principal }) => principal.secretId));
    const isGone = ({ secretId }: Principal) => secretId !== undefined && ids.has(secretId);
    for (const listener of this.#revokedListeners) listener(isGone, code);
  }

  #entriesOf(keys: readonly StoredKey[]): ReadonlyMap<string, Entry> {
    const entries = new Map<string, Entry>();
    const add = (sha256: string, principal: Principal, untilMs = Number.POSITIVE_INFINITY) => {
      const secretId = sha256.slice(0, secretIdDigits);
      entries.set(sha256, { digest: Buffer.from(sha256, 'hex'), principal: { ...principal, secretId }, untilMs });
    };
    if (this.#metricsKey !== null) add(digestKey(this.#metricsKey).toString('hex'), metricsReader);
    for (const { tenant, name, sha256, scopes: given, user = null, limits: own = {}, previous = [] } of keys) {
      const scopes = new Set<Scope>(given.includes('admin') ? [...adminScopes, ...given] : given);
      const contentAllowed = this.#contentTenants.has(tenant);
      const limits = limitsOf(own, this.#keyLimits);
      const principal: Principal = { tenant, scopes, keyName: name, contentAllowed, user, limits };
      for (const secret of previous) add(secret.sha256, principal, Date.parse(secret.until));
      add(sha256, principal);
    }
    return entries;
  }

  #recordOf(key: StoredKey): KeyRecord {
    const { tenant, name, scopes, created, limits = {}, previous = [] } = key;
    const untilMs = Math.max(0, ...previous.map(({ until }) => Date.parse(until)));
    const previousUntil = untilMs > this.#clock.nowMs() ? instant(untilMs) : null;
    const eventsToday = this.#eventsToday(tenant, name);
    const [user, rotated] = [key.user ?? null, key.rotated ?? null];
    return { name, scopes, user, created, rotated, previousUntil, limits, eventsToday };
  }
}

const unbounded = { eventsPerSecond: 0, bytesPerSecond: 0, requestsPerSecond: 0, eventsPerDay: 0 } as const;

/** Enough to tell secrets apart, and nothing to guess one from. */
const secretIdDigits = 16;

/** Changes whenever the file is replaced; empty when it is not there. */
function fileVersion(path: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(path);
    return `${ino}:${mtimeMs}:${size}`;
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}
