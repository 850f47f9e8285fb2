import { request } from 'node:http';
import type { Socket } from 'node:net';
import { errorMessage } from '../../../core/errors.js';
import type { StoreQuery } from '../../../core/ports/store-reader.js';
import { turnOfOthers } from '../../../core/turn-of-others.js';
import { smallReadSettings } from './small-reads.js';
import {
  type Frame,
  FrameReader,
  frameHead,
  frameKinds,
  readsProtocol,
  type SentException,
  type SentStatement,
} from './statement-frames.js';

export interface ReadsChannelOptions {
  /** Of the engine's own channel. */
  readonly path: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Of every read. */
  readonly settings: Readonly<Record<string, string>>;
}

/** What the engine says of a statement that failed; `code` is ClickHouse's number, as in the errors of its client. */
class StatementFailure extends Error {
  override readonly name = 'StatementFailure';
  readonly code: string;
  readonly type: string;

  constructor({ code, type, message }: SentException) {
    super(message);
    this.code = String(code);
    this.type = type;
  }
}

/**
 * Reads of the collector on its own engine: one socket for all of them (`statement-frames.ts`), opened by the first and
 * again after it broke. Beside HTTP there is no head to write and to parse, no settings in a URL, no stream of a body
 * (`bench/micro/statements.ts`).
 */
export class ReadsChannel {
  readonly #options: ReadsChannelOptions;
  readonly #settings: readonly (readonly [string, string])[];
  readonly #pending = new Map<number, PendingRead>();
  #socket: Promise<Socket> | null = null;
  #id = 0;
  #isClosed = false;

  constructor(options: ReadsChannelOptions) {
    this.#options = options;
    this.#settings = Object.entries(options.settings);
  }

  /**
   * The rows as objects. Rejects with a StatementFailure, with the error of the socket, which has a code of the system,
   * and with the reason of `signal`: then the engine is told that nobody waits.
   */
  async rows<Row>({ sql, params, settings = {}, isSmall }: StoreQuery, signal: AbortSignal): Promise<Row[]> {
    signal.throwIfAborted();
    const values = isSmall === true ? [...this.#settings, ...smallReadSettings] : [...this.#settings];
    for (const [name, value] of Object.entries(settings)) values.push([name, String(value)]);
    for (const [name, value] of Object.entries(params)) values.push([`param_${name}`, parameterText(value)]);
    const socket = await this.#connected();
    signal.throwIfAborted();
    const { database } = this.#options;
    return await parsedRows<Row>(await this.#ask(socket, { sql, format: 'JSONEachRow', database, values }, signal));
  }

  close(): void {
    this.#isClosed = true;
    const socket = this.#socket;
    this.#socket = null;
    void socket?.then(
      (open) => open.destroy(),
      () => undefined,
    );
    this.#fail(closedError());
  }

  #ask(socket: Socket, statement: SentStatement, signal: AbortSignal): Promise<Buffer> {
    const id = this.#nextId();
    return new Promise<Buffer>((resolve, reject) => {
      const onAbort = () => {
        if (!this.#pending.delete(id)) return;
        if (!socket.destroyed) socket.write(frameHead(frameKinds.cancel, id, 0));
        reject(signal.reason);
      };
      const settled = () => signal.removeEventListener('abort', onAbort);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#pending.set(id, { resolve, reject, settled });
      if (socket.destroyed) {
        this.#settle(id)?.reject(brokenError());
        return;
      }
      const payload = Buffer.from(JSON.stringify(statement));
      socket.cork();
      socket.write(frameHead(frameKinds.statement, id, payload.length));
      socket.write(payload);
      socket.uncork();
    });
  }

  #nextId(): number {
    do this.#id = (this.#id + 1) % idsMax;
    while (this.#pending.has(this.#id));
    return this.#id;
  }

  /** Of one that nobody waits for any more, nothing. */
  #settle(id: number): PendingRead | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.settled();
    return pending;
  }

  /** Throws for what is no answer, before anything else is thought of it: its statement then ends with the socket. */
  #hear({ kind, id, payload }: Frame): void {
    if (kind === frameKinds.exception) {
      const failure = new StatementFailure(JSON.parse(payload.toString('utf8')) as SentException);
      this.#settle(id)?.reject(failure);
      return;
    }
    if (kind !== frameKinds.result) throw new RangeError(`a frame of kind ${kind}`);
    this.#settle(id)?.resolve(payload);
  }

  #fail(error: unknown): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(error);
  }

  async #connected(): Promise<Socket> {
    if (this.#isClosed) throw closedError();
    this.#socket ??= this.#connect();
    return await this.#socket;
  }

  async #connect(): Promise<Socket> {
    try {
      const socket = await upgraded(this.#options);
      if (this.#isClosed) {
        socket.destroy();
        throw closedError();
      }
      const reader = new FrameReader(resultBytesMax);
      let broken: unknown = null;
      socket.on('data', (chunk: Buffer) => {
        try {
          for (const frame of reader.read(chunk)) this.#hear(frame);
        } catch (error) {
          socket.destroy(new Error(`cannot read from the engine: ${errorMessage(error)}`, { cause: error }));
        }
      });
      socket.on('error', (error) => {
        broken = error;
      });
      socket.on('close', () => {
        if (this.#isClosed) return;
        this.#socket = null;
        this.#fail(broken ?? brokenError());
      });
      return socket;
    } catch (error) {
      this.#socket = null;
      throw error;
    }
  }
}

interface PendingRead {
  resolve(payload: Buffer): void;
  reject(error: unknown): void;
  /** Nobody cancels it any more. */
  settled(): void;
}

function upgraded({ path, user, password }: ReadsChannelOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const asked = request({
      socketPath: path,
      path: '/',
      headers: {
        Connection: 'Upgrade',
        Upgrade: readsProtocol,
        'X-ClickHouse-User': user,
        'X-ClickHouse-Key': password,
      },
    });
    asked.once('upgrade', (_, socket, head) => {
      // Whatever is ahead would be an answer to a statement that was not sent.
      if (head.length > 0) socket.unshift(head);
      resolve(socket as Socket);
    });
    asked.once('response', (answer) => {
      answer.resume();
      const code = Number(answer.headers['x-clickhouse-exception-code'] ?? 0);
      const message = `the engine does not take reads on its channel: status ${answer.statusCode}`;
      reject(new StatementFailure({ code, type: 'REFUSED', message }));
    });
    asked.once('error', reject);
    asked.end();
  });
}

/** As ClickHouse reads a value of a parameter: its own escapes, strings in an array quoted. */
function parameterText(value: StoreQuery['params'][string]): string {
  if (typeof value === 'string') return escaped(value);
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'number') return numberText(value);
  return `[${value.map((one) => `'${escaped(one)}'`).join(',')}]`;
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'nan' : value > 0 ? '+inf' : '-inf';
}

function escaped(text: string): string {
  return special.test(text) ? text.replaceAll(specials, (character) => escapes[character] ?? character) : text;
}

const special = /[\t\n\r'\\]/;
const specials = /[\t\n\r'\\]/g;
const escapes: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', "'": "\\'", '\\': '\\\\' };

/** Lines of JSON. A large result is parsed in pieces, with a turn of the event loop for others between them. */
async function parsedRows<Row>(bytes: Buffer): Promise<Row[]> {
  if (bytes.length <= pieceBytesMax) return parsedLines(bytes);
  const rows: Row[] = [];
  for (let start = 0; start < bytes.length; ) {
    const cut = bytes.indexOf(lineBreak, Math.min(start + pieceBytesMax, bytes.length) - 1);
    const end = cut === -1 ? bytes.length : cut + 1;
    for (const row of parsedLines<Row>(bytes.subarray(start, end))) rows.push(row);
    start = end;
    await turnOfOthers();
  }
  return rows;
}

function parsedLines<Row>(bytes: Buffer): Row[] {
  return JSON.parse(`[${bytes.toString('utf8').trimEnd().replaceAll('\n', ',')}]`) as Row[];
}

function brokenError(): Error {
  return Object.assign(new Error('the connection to the engine broke'), { code: 'ECONNRESET' });
}

function closedError(): Error {
  return Object.assign(new Error('the client of the engine is closed'), { code: 'ECONNABORTED' });
}

const lineBreak = 0x0a;
const pieceBytesMax = 1_048_576;
/** The engine bounds a result before it is written as text, which may be several times as long. */
const resultBytesMax = 1_073_741_824;
const idsMax = 2 ** 32;
