import type { Duplex } from 'node:stream';
import { ClickHouseException } from '../clickhouse-exception.js';
import type { EngineOptions } from '../process/engine-protocol.js';
import {
  type Frame,
  FrameReader,
  frameHead,
  frameKinds,
  type SentException,
  type SentStatement,
} from '../process/statement-frames.js';
import type { StatementRequest } from '../statements/statement-request.js';
import type { StatementResult } from '../statements/statement-result.js';
import type { EngineDoor } from './engine-door.js';
import type { EngineUser } from './engine-users.js';
import { type RequestParameters, sentValues } from './request-parameters.js';

export interface ReadsSocketDeps {
  readonly door: EngineDoor;
  run(request: StatementRequest): Promise<StatementResult | null>;
  /** What of an error the collector may be told. */
  told(error: unknown): ClickHouseException;
  /** Statements under way, to be waited for or ended when the engine stops. */
  readonly requests: Set<AbortController>;
  isDraining(): boolean;
}

/**
 * The engine's side of a socket for the collector's reads; see `statement-frames.ts`. A statement that is none of a
 * read is refused, as by a GET. When the socket closes, what is under way on it is cancelled.
 */
export class ReadsSocket {
  readonly #deps: ReadsSocketDeps;
  readonly #socket: Duplex;
  readonly #user: EngineUser;
  readonly #options: EngineOptions;
  readonly #running = new Map<number, AbortController>();

  constructor(
    deps: ReadsSocketDeps,
    opened: { readonly socket: Duplex; readonly user: EngineUser },
    options: EngineOptions,
  ) {
    this.#deps = deps;
    this.#socket = opened.socket;
    this.#user = opened.user;
    this.#options = options;
    const reader = new FrameReader(statementFactor * options.queryBytesMax);
    this.#socket.on('data', (chunk: Buffer) => {
      try {
        for (const frame of reader.read(chunk)) this.#hear(frame);
      } catch {
        this.#socket.destroy();
      }
    });
    this.#socket.on('error', () => undefined);
    // Nobody takes answers on one that is closed for questions.
    this.#socket.on('end', () => this.#socket.destroy());
    this.#socket.once('close', () => {
      for (const controller of this.#running.values()) controller.abort();
    });
  }

  #hear({ kind, id, payload }: Frame): void {
    if (kind === frameKinds.cancel) this.#running.get(id)?.abort();
    else if (kind !== frameKinds.statement || this.#running.has(id)) throw new RangeError(`a frame of kind ${kind}`);
    else void this.#run(id, payload);
  }

  async #run(id: number, payload: Buffer): Promise<void> {
    const controller = new AbortController();
    this.#running.set(id, controller);
    this.#deps.requests.add(controller);
    try {
      if (this.#deps.isDraining()) throw new ClickHouseException('ABORTED', 'The embedded engine is stopping.');
      const result = await this.#deps.run(this.#requestOf(payload, controller.signal));
      this.#sendResult(id, result?.bytes ?? new Uint8Array());
    } catch (error) {
      const { code, type, message } = this.#deps.told(error);
      const sent: SentException = { code, type, message };
      this.#send(frameKinds.exception, id, Buffer.from(JSON.stringify(sent)));
    } finally {
      this.#deps.requests.delete(controller);
      this.#running.delete(id);
    }
  }

  #requestOf(payload: Buffer, signal: AbortSignal): StatementRequest {
    const { sql, format, database, values } = JSON.parse(payload.toString('utf8')) as SentStatement;
    const bytes = Buffer.from(sql, 'utf8');
    const { queryBytesMax } = this.#options;
    if (bytes.length > queryBytesMax) {
      throw new ClickHouseException('QUERY_IS_TOO_LARGE', `Query is too large: the maximum is ${queryBytesMax} bytes.`);
    }
    return {
      user: this.#user,
      readOnly: true,
      queryId: '',
      parameters: { ...unsaid, defaultFormat: format, database, ...sentValues(values) },
      client: unsaidClient,
      body: { head: { kind: 'sql' }, bytes, rest: nothing() },
      external: [],
      signal,
      progress: null,
      stream: async () => undefined,
    };
  }

  #sendResult(id: number, bytes: Uint8Array): void {
    const { sent } = this.#deps.door.hold(bytes.length);
    this.#send(frameKinds.result, id, bytes, sent);
  }

  /** `sent` is called when it is out, or cannot be. */
  #send(kind: number, id: number, payload: Uint8Array, sent: () => void = () => undefined): void {
    const socket = this.#socket;
    if (socket.destroyed) {
      sent();
      return;
    }
    socket.cork();
    socket.write(frameHead(kind, id, payload.length));
    socket.write(payload, sent);
    socket.uncork();
  }
}

async function* nothing(): AsyncGenerator<Buffer> {}

const unsaidClient = { userAgent: '', referer: '', forwardedFor: '' };
const unsaid: Omit<RequestParameters, 'parameters' | 'settings'> = {
  query: '',
  database: null,
  queryId: null,
  defaultFormat: null,
  clientRevision: 0,
  decompressBody: false,
  waitsForEnd: null,
  progressMs: null,
  session: null,
  isReadOnly: true,
};

/** A frame of a statement has its parameters too, and all of it as JSON. */
const statementFactor = 8;
