import createClient, { type Client } from 'openapi-fetch';
import type { components, paths } from '../../sdk/api-types.js';
import { problemOf } from './problem.js';

/** Names of the answers, as the description of the API has them. */
export type Answers = components['schemas'];

/** The API of the collector that served this page, typed by its own description. */
export type Api = Client<paths>;

export function createApi(key: string): Api {
  return createClient<paths>({
    baseUrl: window.location.origin,
    headers: { authorization: `Bearer ${key}` },
    cache: 'no-store',
    querySerializer: { array: { style: 'form', explode: false } },
  });
}

/** What a call of the client resolves to: the data, or the body of an error. */
export interface Reply<Data> {
  readonly data?: Data;
  readonly error?: unknown;
  readonly response: Response;
}

/** Throws `ApiProblem`. */
export async function dataOf<Data>(call: Promise<Reply<Data>>): Promise<Data> {
  return dataOfReply(await call);
}

/** Throws `ApiProblem`. */
export function dataOfReply<Data>({ data, error, response }: Reply<Data>): Data {
  if (!response.ok || data === undefined) throw problemOf(response.status, error);
  return data;
}

/** The time the data of an answer are of: one that is shared among all who ask may be some seconds old (RFC 9111). */
export function timeOf({ response }: Reply<unknown>): Date {
  const ageSeconds = Number(response.headers.get('age') ?? 0);
  return new Date(Date.now() - (Number.isFinite(ageSeconds) ? 1_000 * ageSeconds : 0));
}
