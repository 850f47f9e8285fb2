import { createWriteStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ClickHouseException } from '../clickhouse-exception.js';
import { decodedBody } from './encoding/body-decoding.js';
import { parseSqlHead, type SqlHead } from './sql-head.js';

/** The SQL of a request, and where the data of an INSERT comes from. */
export interface RequestBody {
  /** `more` never gets out. */
  readonly head: Exclude<SqlHead, { kind: 'more' }>;
  /** What was read to tell the SQL: all of it, unless `head` is an insert with data. */
  readonly bytes: Buffer;
  /** The rest of the data. */
  readonly rest: AsyncIterator<Buffer>;
}

export interface BodyLimits {
  /** The SQL that came in the URL. */
  readonly query: string;
  readonly queryBytesMax: number;
  /** Whether an INSERT with its data may come; else all of the body is SQL. */
  readonly mayInsert: boolean;
  /** Whether the body comes in ClickHouse's own blocks. */
  readonly isFramed: boolean;
}

/**
 * Reads as much as is needed to know the statement. ClickHouse joins `query=` and the body with a line break.
 * Throws QUERY_IS_TOO_LARGE beyond `queryBytesMax` bytes of SQL, inflated. Work is linear in the bytes, however many
 * chunks they come in: where an INSERT ends is looked for again only when there is twice as much. What comes out
 * follows from the bytes alone, not from where they were cut.
 */
export async function readRequestBody(request: IncomingMessage, limits: BodyLimits): Promise<RequestBody> {
  const { queryBytesMax, mayInsert, isFramed } = limits;
  // Without data the body is no longer than a statement, and its blocks are not either.
  const blockBytesMax = mayInsert ? dataBlockBytesMax : queryBytesMax;
  return await readStatement(guarded(decodedBody(request, { isFramed, blockBytesMax }), limits), limits);
}

/** Of a request whose SQL is known: `limits.query`. */
export async function readSqlOf(limits: BodyLimits): Promise<RequestBody> {
  return await readStatement(nothing(), limits);
}

async function* nothing(): AsyncGenerator<Buffer> {}

async function readStatement(rest: AsyncIterator<Buffer>, limits: BodyLimits): Promise<RequestBody> {
  const { query, queryBytesMax, mayInsert } = limits;
  const received = new ReceivedBytes(query);
  let lookedAtBytes = 0;
  for (;;) {
    const next = await rest.next();
    const complete = next.done === true;
    if (!complete) received.add(next.value);
    const isTooLong = received.length > queryBytesMax;
    if (mayInsert && (complete || isTooLong || received.length >= 2 * lookedAtBytes)) {
      lookedAtBytes = received.length;
      const head = parseSqlHead(received.text(queryBytesMax), complete && !isTooLong);
      if (head.kind !== 'more' && (head.kind === 'data' || complete)) return { head, bytes: received.joined(), rest };
    }
    if (isTooLong) {
      throw new ClickHouseException('QUERY_IS_TOO_LARGE', `Query is too large: the maximum is ${queryBytesMax} bytes.`);
    }
    if (complete) return { head: { kind: 'sql' }, bytes: received.joined(), rest };
  }
}

/** Who may not insert is told that, and not what is wrong with his data. */
async function* guarded(body: AsyncIterator<Buffer>, { query, mayInsert }: BodyLimits): AsyncGenerator<Buffer> {
  try {
    yield* { [Symbol.asyncIterator]: () => body };
  } catch (error) {
    if (mayInsert || !/^\s*INSERT\b/i.test(query)) throw error;
    throw new ClickHouseException('READONLY', 'Cannot execute query in readonly mode.');
  }
}

/** Chunks of any size, copied into one buffer that doubles. */
class ReceivedBytes {
  #buffer: Buffer;
  #length: number;
  #isQueryOnly: boolean;

  constructor(query: string) {
    this.#buffer = Buffer.from(query, 'utf8');
    this.#length = this.#buffer.length;
    this.#isQueryOnly = this.#length > 0;
  }

  get length(): number {
    return this.#length;
  }

  add(chunk: Buffer): void {
    if (chunk.length === 0) return;
    const separatorBytes = this.#isQueryOnly ? 1 : 0;
    const length = this.#length + separatorBytes + chunk.length;
    if (length > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, 2 * this.#buffer.length));
      this.#buffer.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
    }
    if (this.#isQueryOnly) this.#buffer[this.#length] = lineBreak;
    chunk.copy(this.#buffer, this.#length + separatorBytes);
    this.#length = length;
    this.#isQueryOnly = false;
  }

  /** As latin1, of `bytesMax` at most. */
  text(bytesMax: number): string {
    return this.#buffer.toString('latin1', 0, Math.min(this.#length, bytesMax));
  }

  /** A copy: what comes later may be written where this ends. */
  joined(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#length));
  }
}

const lineBreak = 0x0a;

/** What clients read themselves at most: clickhouse-go writes a column of any size as one block. */
const dataBlockBytesMax = 134_217_728;

/** Writes the data of an insert to `path`; returns its bytes. Throws TOO_MANY_BYTES beyond `bytesMax`. */
export async function writeInsertData(
  body: RequestBody,
  { path, dataStart, bytesMax }: { readonly path: string; readonly dataStart: number; readonly bytesMax: number },
): Promise<number> {
  let bytes = 0;
  async function* chunks(): AsyncGenerator<Buffer> {
    let chunk: Buffer | null = body.bytes.subarray(dataStart);
    while (chunk !== null) {
      bytes += chunk.length;
      if (bytes > bytesMax) {
        throw new ClickHouseException(
          'TOO_MANY_BYTES',
          `Data of the INSERT is too large: the maximum is ${bytesMax} bytes.`,
        );
      }
      if (chunk.length > 0) yield chunk;
      const next: IteratorResult<Buffer> = await body.rest.next();
      chunk = next.done === true ? null : next.value;
    }
  }
  const source = Readable.from(chunks(), { objectMode: false });
  await pipeline(source, createWriteStream(path, { flags: 'wx', mode: 0o600 })).catch(unwritable);
  return bytes;
}

function unwritable(error: unknown): never {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    throw new ClickHouseException('NOT_ENOUGH_SPACE', 'Cannot keep the data of the INSERT: the disk is full.');
  }
  throw error;
}
