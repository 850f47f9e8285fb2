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
  const { data, error, response } = await call;
  if (!response.ok || data === undefined) throw problemOf(response.status, error);
  return data;
}
