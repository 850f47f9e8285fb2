import { createHash, timingSafeEqual } from 'node:crypto';
import { ClickHouseException } from './clickhouse-exception.js';
import type { RequestSource } from './request-parameters.js';
import type { Role } from './statement-guard.js';

export interface EngineUser {
  readonly name: string;
  readonly role: Role;
}

export interface EngineUserOptions {
  readonly writerUser: string;
  readonly writerPassword: string;
  readonly readerUser: string;
  readonly readerPassword: string;
}

/**
 * Two users: the collector writes, everybody else reads. Credentials come by Basic authentication, by
 * `X-ClickHouse-User` and `-Key`, or by `user` and `password` in the URL; none at all is the reader.
 */
export class EngineUsers {
  readonly #users: readonly (EngineUser & { readonly passwordHash: Buffer })[];

  constructor(options: EngineUserOptions) {
    this.#users = [
      { name: options.writerUser, role: 'writer', passwordHash: hash(options.writerPassword) },
      { name: options.readerUser, role: 'reader', passwordHash: hash(options.readerPassword) },
    ];
  }

  /** Throws AUTHENTICATION_FAILED; the text never says whether the user or the password is wrong. */
  authenticate(source: RequestSource): EngineUser {
    const given = [fromBasic(source), fromHeaders(source), fromUrl(source)].filter((one) => one !== null);
    if (given.length > 1) {
      throw new ClickHouseException('AUTHENTICATION_FAILED', 'It is not allowed to mix ways of authentication.');
    }
    const { name, password } = given[0] ?? { name: '', password: '' };
    const user = this.#users.find((one) => (name === '' ? one.role === 'reader' : one.name === name));
    // The hash is compared for an unknown user too, so that the time says nothing.
    const known = timingSafeEqual(hash(password), user?.passwordHash ?? hash(`${password} `));
    if (user === undefined || !known) {
      const problem = 'Authentication failed: password is incorrect, or there is no user with such name.';
      throw new ClickHouseException('AUTHENTICATION_FAILED', `${name.slice(0, 64)}: ${problem}`);
    }
    return { name: user.name, role: user.role };
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

function hash(password: string): Buffer {
  return createHash('sha256').update(password, 'utf8').digest();
}
