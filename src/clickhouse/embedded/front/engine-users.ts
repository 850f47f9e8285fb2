import { createHash, timingSafeEqual } from 'node:crypto';
import { ClickHouseException } from '../clickhouse-exception.js';
import type { RequestSource } from './request-parameters.js';

type Role = 'writer' | 'reader';

export interface EngineUser {
  readonly name: string;
  readonly role: Role;
  /** The only tenant whose rows there are for this user; null for all. */
  readonly tenant: string | null;
  /** The collector itself, over its own channel: its statements run as they are. */
  readonly isCollector: boolean;
}

export interface EngineAccount extends EngineUser {
  readonly passwordHash: string;
}

/**
 * Who may use a door of the engine. Credentials come by Basic authentication, by `X-ClickHouse-User` and `-Key`, or by
 * `user` and `password` in the URL; a name that is left out is `defaultUser`.
 */
export class EngineUsers {
  readonly #users: readonly { readonly user: EngineUser; readonly passwordHash: Buffer }[];
  readonly #defaultUser: string;

  constructor(accounts: readonly EngineAccount[], defaultUser: string) {
    this.#users = accounts.map(({ passwordHash, ...user }) => ({
      user,
      passwordHash: Buffer.from(passwordHash, 'hex'),
    }));
    this.#defaultUser = defaultUser;
  }

  /** Throws AUTHENTICATION_FAILED; the text never says whether the user or the password is wrong. */
  authenticate(source: RequestSource): EngineUser {
    const given = [fromBasic(source), fromHeaders(source), fromUrl(source)].filter((one) => one !== null);
    if (given.length > 1) {
      throw new ClickHouseException('AUTHENTICATION_FAILED', 'It is not allowed to mix ways of authentication.');
    }
    const { name: sent, password } = given[0] ?? { name: '', password: '' };
    const name = sent === '' ? this.#defaultUser : sent;
    const known = this.#users.find(({ user }) => user.name === name);
    // The hash is compared for an unknown user too, so that the time says nothing.
    const matches = timingSafeEqual(hash(password), known?.passwordHash ?? hash(`${password} `));
    if (known === undefined || !matches) {
      const problem = 'Authentication failed: password is incorrect, or there is no user with such name.';
      throw new ClickHouseException('AUTHENTICATION_FAILED', `${name.slice(0, 64)}: ${problem}`);
    }
    return known.user;
  }
}

interface Credentials {
  readonly name: string;
  readonly password: string;
}

function fromBasic({ header }: RequestSource): Credentials | null {
  const authorization = header('authorization');
  if (authorization === undefined) return null;
  const encoded = /^Basic +([A-Za-z0-9+/=_-]*)$/i.exec(authorization)?.[1];
  if (encoded === undefined) {
    throw new ClickHouseException('AUTHENTICATION_FAILED', 'Only Basic authentication is supported.');
  }
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon === -1 ? { name: text, password: '' } : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

function fromHeaders({ header }: RequestSource): Credentials | null {
  const name = header('x-clickhouse-user');
  const password = header('x-clickhouse-key');
  return name === undefined && password === undefined ? null : { name: name ?? '', password: password ?? '' };
}

function fromUrl({ url }: RequestSource): Credentials | null {
  const name = url.get('user');
  const password = url.get('password');
  return name === null && password === null ? null : { name: name ?? '', password: password ?? '' };
}

/** What the engine knows of a password, as 64 hex digits. */
export function passwordHashOf(password: string): string {
  return hash(password).toString('hex');
}

function hash(password: string): Buffer {
  return createHash('sha256').update(password, 'utf8').digest();
}
