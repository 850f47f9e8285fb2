import { errorMessage } from '../../core/errors.js';
import type { paths } from '../../sdk/api-types.js';
import type { CollectorAddress } from './collector-address.js';
import { collectorFetch } from './collector-fetch.js';
import { CommandError } from './command-error.js';
import { type ExitCode, exitCodes } from './exit-codes.js';
import { printable } from './printable-text.js';

type Method = 'get' | 'post' | 'delete';
type PathWith<Verb extends Method> = {
  [Path in keyof paths]: paths[Path] extends { readonly [Each in Verb]: unknown } ? Path : never;
}[keyof paths];
type OperationOf<Path extends keyof paths, Verb extends Method> = paths[Path] extends {
  readonly [Each in Verb]: infer Operation;
}
  ? Operation
  : never;
type BodyOf<Operation> = Operation extends {
  readonly responses: { readonly 200: { readonly content: { readonly 'application/json': infer Body } } };
}
  ? Body
  : never;
type QueryOf<Operation> = Operation extends { readonly parameters: { readonly query?: infer Query } }
  ? { readonly [Name in keyof Query]?: Query[Name] | undefined }
  : Readonly<Record<string, never>>;
type PlacesOf<Operation> = Operation extends { readonly parameters: { readonly path: infer Places } }
  ? { readonly path: Places }
  : { readonly path?: never };
type GivenOf<Operation> = Operation extends {
  readonly requestBody: { readonly content: { readonly 'application/json': infer Given } };
}
  ? { readonly body: Given }
  : { readonly body?: never };
type Request<Operation> = PlacesOf<Operation> & GivenOf<Operation> & { readonly query?: QueryOf<Operation> };

/** What an operation of the API answers, by its address. */
export type Answer<Path extends PathWith<'get'>> = BodyOf<OperationOf<Path, 'get'>>;
export type Query<Path extends PathWith<'get'>> = QueryOf<OperationOf<Path, 'get'>>;

/** Each a list, separated by commas; absent: everything passes. */
export type LiveFilter = Readonly<Partial<Record<LiveParameter, string | undefined>>>;
type LiveParameter = 'agent_id' | 'run_id' | 'type' | 'status' | 'model' | 'provider' | 'environment';

type Verb = 'GET' | 'POST' | 'DELETE';

/** Longer than the collector lets any query take. */
const answerMsMax = 120_000;

/**
 * Asks the API of a collector. Its types are made of the description of the API, so that a command that reads what is
 * not answered any more does not compile. Rejects with CommandError.
 */
export class ApiClient {
  readonly #address: CollectorAddress;

  constructor(address: CollectorAddress) {
    this.#address = address;
  }

  async get<Path extends PathWith<'get'>>(
    path: Path,
    request: Request<OperationOf<Path, 'get'>>,
  ): Promise<Answer<Path>> {
    return (await this.#json('GET', path, request)) as Answer<Path>;
  }

  async post<Path extends PathWith<'post'>>(
    path: Path,
    request: Request<OperationOf<Path, 'post'>>,
  ): Promise<BodyOf<OperationOf<Path, 'post'>>> {
    return (await this.#json('POST', path, request)) as BodyOf<OperationOf<Path, 'post'>>;
  }

  async delete<Path extends PathWith<'delete'>>(
    path: Path,
    request: Request<OperationOf<Path, 'delete'>>,
  ): Promise<BodyOf<OperationOf<Path, 'delete'>>> {
    return (await this.#json('DELETE', path, request)) as BodyOf<OperationOf<Path, 'delete'>>;
  }

  /** An answer of any size, to be read as it comes; it may take as long as it does. */
  async stream<Path extends PathWith<'get'>>(
    path: Path,
    request: Request<OperationOf<Path, 'get'>> & { readonly signal: AbortSignal },
  ): Promise<Response> {
    return this.#fetch('GET', path, request, request.signal);
  }

  /** The live view as Server-Sent Events, which the description of the API does not tell as an answer. */
  async liveEvents(filter: LiveFilter, signal: AbortSignal): Promise<Response> {
    return this.#fetch('GET', '/api/v1/live/events', { query: filter }, signal);
  }

  async #json(method: Verb, path: string, request: Parts): Promise<unknown> {
    const response = await this.#fetch(method, path, request, AbortSignal.timeout(answerMsMax));
    try {
      return await response.json();
    } catch (error) {
      throw unreachable(this.#address.url, error);
    }
  }

  async #fetch(method: Verb, path: string, request: Parts, signal: AbortSignal): Promise<Response> {
    const { url, key } = this.#address;
    let response: Response;
    try {
      const body = request.body === undefined ? null : JSON.stringify(request.body);
      const headers = {
        authorization: `Bearer ${key}`,
        ...(body === null ? {} : { 'content-type': 'application/json' }),
      };
      // The key is for this collector and for no other that it may name.
      const redirect = 'error';
      const init = { method, headers, body, signal, redirect } as const;
      response = await collectorFetch(`${url}${target(path, request)}`, init, this.#address);
    } catch (error) {
      throw unreachable(url, error);
    }
    if (!response.ok) throw await refusal(response, url);
    return response;
  }
}

interface Parts {
  readonly path?: unknown;
  readonly query?: unknown;
  readonly body?: unknown;
}

function target(path: string, { path: places = {}, query = {} }: Parts): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String((places as Readonly<Record<string, unknown>>)[name] ?? '')),
  );
  const given = Object.entries(query as object).filter(([, value]) => value !== undefined);
  const words = new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)])).toString();
  return words === '' ? filled : `${filled}?${words}`;
}

function unreachable(url: string, error: unknown): CommandError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = (cause as { readonly code?: unknown }).code;
  const told = errorMessage(cause) || String(code);
  const advice = code === 'ECONNREFUSED' ? '; tidemark serve starts one' : '';
  const message = `cannot reach a collector at ${url}: ${printable(told)}${advice}`;
  return new CommandError(exitCodes.unreachable, message, { cause: error });
}

async function refusal(response: Response, url: string): Promise<CommandError> {
  const text = await response.text().catch(() => '');
  const problem = problemOf(text);
  if (problem === null) {
    const message = `cannot read the answer of ${url}: status ${response.status}, and no word of a collector`;
    return new CommandError(exitCodes.failed, message);
  }
  const told = problem.detail ?? problem.title ?? problem.code;
  return new CommandError(exitCodeOf(response.status), `${printable(told)} (${printable(problem.code)})`);
}

interface Problem {
  readonly code: string;
  readonly title?: string;
  readonly detail?: string;
}

function problemOf(text: string): Problem | null {
  try {
    const found = JSON.parse(text) as Problem | null;
    return typeof found?.code === 'string' ? found : null;
  } catch {
    return null;
  }
}

function exitCodeOf(status: number): ExitCode {
  switch (status) {
    case 400:
      return exitCodes.misused;
    case 401:
    case 403:
      return exitCodes.refused;
    case 404:
      return exitCodes.notFound;
    default:
      return exitCodes.failed;
  }
}
