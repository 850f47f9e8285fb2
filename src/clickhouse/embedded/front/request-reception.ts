import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { Clock } from '../../../core/clock.js';
import { SqlLexer } from '../../sql-lexer.js';
import { ClickHouseException } from '../clickhouse-exception.js';
import type { EngineOptions } from '../process/engine-protocol.js';
import { decodedBody } from './encoding/body-decoding.js';
import type { EngineUser } from './engine-users.js';
import { type FormBody, filesName, isForm, readForm, removeFiles } from './forms/form-body.js';
import { type ExternalData, externalDataOf, joinForm } from './forms/form-parameters.js';
import type { RefusalCounts } from './refusal-counts.js';
import { type BodyLimits, type RequestBody, readRequestBody, readSqlOf } from './request-body.js';
import { parseRequestParameters, type RequestParameters, type RequestSource } from './request-parameters.js';

/** What a request says in its URL, its headers and its body. */
export interface ReceivedRequest {
  readonly parameters: RequestParameters;
  readonly body: RequestBody;
  readonly external: readonly ExternalData[];
  /** Removes the files of what is external. */
  release(): Promise<void>;
}

export interface Reception {
  readonly user: EngineUser;
  readonly source: RequestSource;
  /** Of the URL and the headers alone. */
  readonly parameters: RequestParameters;
}

/** Reads the bodies of requests: SQL, data behind SQL, or a form. */
export class RequestReceiver {
  readonly #clock: Clock;
  readonly #options: EngineOptions;
  readonly #refusals: RefusalCounts;

  constructor(deps: { readonly clock: Clock; readonly refusals: RefusalCounts }, options: EngineOptions) {
    this.#clock = deps.clock;
    this.#refusals = deps.refusals;
    this.#options = options;
  }

  /** Guests have a time to say what they want; how long the data of an INSERT takes is their own affair. */
  async receive(request: IncomingMessage, reception: Reception): Promise<ReceivedRequest> {
    const { user, parameters } = reception;
    if (user.role === 'reader' && startsInsert(parameters.query)) {
      // Before its data is looked at, which may be compressed in a way that fails.
      throw new ClickHouseException('READONLY', `${user.name}: Cannot execute query in readonly mode.`);
    }
    if (user.isCollector) return await this.#read(request, reception);
    let late = false;
    const timer = this.#clock.setTimer(this.#options.guestBodyMsMax, () => {
      late = true;
      request.destroy();
    });
    try {
      return await this.#read(request, reception);
    } finally {
      timer.cancel();
      if (late) this.#refusals.count('slow_request');
    }
  }

  async #read(request: IncomingMessage, { user, source, parameters }: Reception): Promise<ReceivedRequest> {
    const limits = this.#limitsOf(user, parameters);
    const contentType = request.headers['content-type'];
    if (contentType === undefined || !isForm(contentType)) {
      const body = await readRequestBody(request, limits);
      return { parameters, body, external: [], release: async () => undefined };
    }
    const form = await this.#readForm(request, contentType, limits);
    try {
      const joined = parseRequestParameters(joinForm(source, form));
      const body = await readSqlOf({ ...limits, query: joined.query });
      return {
        parameters: joined,
        body,
        external: externalDataOf(source, form),
        release: () => removeFiles(form.files),
      };
    } catch (error) {
      await removeFiles(form.files);
      throw error;
    }
  }

  async #readForm(request: IncomingMessage, contentType: string, { isFramed }: BodyLimits): Promise<FormBody> {
    const { dataDir, formBytesMax: bytesMax, externalTablesMax: filesMax, guestQueryBytesMax } = this.#options;
    const limits = { bytesMax, filesMax, fieldsMax, fieldBytesMax: Math.max(fieldBytesMax, guestQueryBytesMax) };
    const body = decodedBody(request, { isFramed, blockBytesMax: bytesMax, ...boundaryOf(contentType) });
    return await readForm(body, { contentType, directory: join(dataDir, filesName), limits });
  }

  #limitsOf(user: EngineUser, { query, decompressBody: isFramed }: RequestParameters): BodyLimits {
    const { queryBytesMax, guestQueryBytesMax } = this.#options;
    return {
      query,
      queryBytesMax: user.isCollector ? queryBytesMax : guestQueryBytesMax,
      mayInsert: user.role === 'writer',
      isFramed,
    };
  }
}

function startsInsert(query: string): boolean {
  const first = new SqlLexer(Buffer.from(query, 'utf8').toString('latin1'), true).next();
  return first?.kind === 'word' && first.text.toUpperCase() === 'INSERT';
}

function boundaryOf(contentType: string): { readonly plainStart?: string } {
  const [, boundary] = /boundary="?([^";\s]{2,200})/i.exec(contentType) ?? [];
  return boundary === undefined ? {} : { plainStart: `--${boundary}` };
}

/** As long as a URL may be. */
const fieldBytesMax = 1_048_576;
const fieldsMax = 10_000;
