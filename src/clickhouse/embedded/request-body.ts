import { createWriteStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { PassThrough, Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createInflate } from 'node:zlib';
import { ClickHouseException } from './clickhouse-exception.js';
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

/**
 * Reads as much as is needed to know the statement. ClickHouse joins `query=` and the body with a line break.
 * Throws QUERY_IS_TOO_LARGE beyond `queryBytesMax` bytes of SQL, inflated.
 */
export async function readRequestBody(
  request: IncomingMessage,
  { query, queryBytesMax }: { readonly query: string; readonly queryBytesMax: number },
): Promise<RequestBody> {
  const rest = inflated(request)[Symbol.asyncIterator]();
  let bytes = Buffer.from(query, 'utf8');
  let separator = query === '' ? '' : '\n';
  for (;;) {
    const next = await rest.next().catch(unreadable);
    const complete = next.done === true;
    if (!complete && next.value.length > 0) {
      bytes = Buffer.concat([bytes, Buffer.from(separator), next.value]);
      separator = '';
    }
    const head = parseSqlHead(bytes.toString('latin1'), complete);
    if (head.kind === 'data') return { head, bytes, rest };
    if (bytes.length > queryBytesMax) {
      throw new ClickHouseException('QUERY_IS_TOO_LARGE', `Query is too large: the maximum is ${queryBytesMax} bytes.`);
    }
    if (head.kind !== 'more' && complete) return { head, bytes, rest };
  }
}

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
      const next: IteratorResult<Buffer> = await body.rest.next().catch(unreadable);
      chunk = next.done === true ? null : next.value;
    }
  }
  const source = Readable.from(chunks(), { objectMode: false });
  await pipeline(source, createWriteStream(path, { flags: 'wx', mode: 0o600 })).catch(unwritable);
  return bytes;
}

/** Always a pipe, so that the server can unpipe it and drop what is left of a refused body. */
function inflated(request: IncomingMessage): AsyncIterable<Buffer> {
  const stream = inflater(request.headers['content-encoding'] ?? '');
  // A body that is cut off destroys the stream, and whoever reads it is told.
  request.once('close', () => {
    if (!request.complete) stream.destroy(new Error('the body was cut off'));
  });
  return request.pipe(stream);
}

function inflater(encoding: string): Transform {
  if (encoding === 'identity' || encoding === '') return new PassThrough();
  if (encoding === 'gzip') return createGunzip();
  if (encoding === 'deflate') return createInflate();
  const accepted = 'the embedded engine accepts gzip and deflate';
  throw new ClickHouseException('NOT_IMPLEMENTED', `Unknown compression method ${encoding}: ${accepted}.`);
}

function unreadable(error: unknown): never {
  if (error instanceof ClickHouseException) throw error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code.startsWith('Z_'))
    throw new ClickHouseException('ZLIB_INFLATE_FAILED', 'Cannot inflate the body of the request.');
  throw new ClickHouseException('CANNOT_READ_ALL_DATA', 'Cannot read the body of the request: it was cut off.');
}

function unwritable(error: unknown): never {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    throw new ClickHouseException('NOT_ENOUGH_SPACE', 'Cannot keep the data of the INSERT: the disk is full.');
  }
  throw error;
}
