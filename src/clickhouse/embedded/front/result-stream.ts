import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Clock, Timer } from '../../../core/clock.js';
import { ClickHouseException } from '../clickhouse-exception.js';
import { contentTypeOf } from './content-type.js';
import { type AnswerEncoding, writeEncoded } from './encoding/answer-encoding.js';

/** A result on its way. Iteration throws when the statement fails, before or after the first chunk. */
export interface StreamedResult {
  readonly format: string;
  readonly chunks: AsyncIterable<Buffer>;
}

export interface StreamOptions {
  readonly encoding: AnswerEncoding;
  /** A client that takes nothing for this long is cut off. */
  readonly idleMsMax: number;
}

/**
 * What was read but the last bytes, which stay back until `finished` has settled: a query that fails midway still gets
 * the footer of its format, and a Parquet file or a JSON array that was cut must not look complete. It also leaves
 * small results, and errors within them, with the right status.
 */
export async function* holdEnd(chunks: AsyncIterable<Buffer>, finished: Promise<unknown>): AsyncGenerator<Buffer> {
  const held: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    held.push(chunk);
    bytes += chunk.length;
    for (let first = held[0]; first !== undefined && bytes - first.length >= heldBytesMin; first = held[0]) {
      held.shift();
      bytes -= first.length;
      yield first;
    }
  }
  await finished;
  yield* held;
}

/**
 * Answers with a result as it comes, in chunks. Nothing is sent before the first of them, so that an error before it
 * has its status. After that an error cuts the connection: the answer lacks its last chunk, and every client is told.
 */
export async function sendStream(
  { response, clock }: { readonly response: ServerResponse; readonly clock: Clock },
  { format, chunks }: StreamedResult,
  { encoding, idleMsMax }: StreamOptions,
): Promise<void> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (response.destroyed) return;
  response.setHeader('X-ClickHouse-Format', format);
  response.setHeader('Content-Type', contentTypeOf(format));
  // While a chunk is not taken, and in the end while the last ones are, the client is the one that is waited for.
  let idle: Timer = { cancel: () => undefined };
  async function* taken(): AsyncGenerator<Buffer> {
    for (let next = first; next.done !== true; next = await iterator.next()) {
      idle = clock.setTimer(idleMsMax, () => response.destroy());
      yield next.value;
      idle.cancel();
    }
    idle = clock.setTimer(idleMsMax, () => response.destroy());
  }
  try {
    if (first.done === true) return await pipeline(taken(), response);
    if (encoding.coding !== null) response.setHeader('Content-Encoding', encoding.coding);
    await writeEncoded(taken(), encoding, response);
  } catch (error) {
    if (error instanceof ClickHouseException) throw error;
    throw new ClickHouseException('QUERY_WAS_CANCELLED', 'The client went away, or took nothing for too long.');
  } finally {
    idle.cancel();
    await iterator.return?.();
  }
}

/** More than the longest ending that makes a file look whole, Parquet's length and magic. */
const heldBytesMin = 4_096;
