import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { finished } from 'node:stream/promises';
import { type Clock, sleep, type Timer } from '../../../core/clock.js';
import type { ChdbEngine } from '../chdb-engine.js';
import { ClickHouseException } from '../clickhouse-exception.js';
import { contentTypeOf } from './content-type.js';
import { type AnswerEncoding, plainAnswer, writeEncoded } from './encoding/answer-encoding.js';

/** A result on its way. Iteration throws when the statement fails, before or after the first chunk. */
export interface StreamedResult {
  readonly format: string;
  /** Of its session; empty for the engine's. */
  readonly timezone: string;
  readonly chunks: AsyncIterable<Buffer>;
}

export interface StreamOptions {
  readonly encoding: AnswerEncoding;
  /** A client that takes nothing for this long is cut off. */
  readonly idleMsMax: number;
}

/**
 * What was read but the last `heldBytesMin`, which stay back until `finished` has settled: a query that fails midway
 * still gets the footer of its format, and a Parquet file or a JSON array that was cut must not look complete. It also
 * leaves small results, and errors within them, with the right status.
 */
export async function* holdEnd(
  chunks: AsyncIterable<Buffer>,
  finished: Promise<unknown>,
  heldBytesMin: number,
): AsyncGenerator<Buffer> {
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
 * has its status. One after that ends the body as servers do since 25.11, and then the connection is cut, so that
 * clients who do not know of the block are told too:
 *
 *     \r\n__exception__\r\n<tag>\r\n<text>\n<bytes of text and line break> <tag>\r\n__exception__\r\n
 *
 * The tag is 16 small letters, new for each answer and in its header `X-ClickHouse-Exception-Tag`: no value of the
 * result can be taken for it.
 */
export async function sendStream(
  { response, clock, engine }: StreamSink,
  { format, timezone, chunks }: StreamedResult,
  { encoding, idleMsMax }: StreamOptions,
): Promise<void> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (response.destroyed) return;
  const tag = exceptionTag();
  response.setHeader('X-ClickHouse-Format', format);
  if (timezone !== '') response.setHeader('X-ClickHouse-Timezone', timezone);
  response.setHeader('X-ClickHouse-Exception-Tag', tag);
  response.setHeader('Content-Type', contentTypeOf(engine, format));
  // While a chunk is not taken, and in the end while the last ones are, the client is the one that is waited for.
  let idle: Timer = { cancel: () => undefined };
  let failed: ClickHouseException | null = null;
  async function* taken(): AsyncGenerator<Buffer> {
    try {
      for (let next = first; next.done !== true; next = await iterator.next()) {
        idle = clock.setTimer(idleMsMax, () => response.destroy());
        yield next.value;
        idle.cancel();
      }
    } catch (error) {
      if (!(error instanceof ClickHouseException)) throw error;
      failed = error;
      yield exceptionBlock(error.text(engine.version), tag);
    }
    idle = clock.setTimer(idleMsMax, () => response.destroy());
  }
  try {
    const sent = first.done === true ? plainAnswer : encoding;
    if (sent.coding !== null) response.setHeader('Content-Encoding', sent.coding);
    await writeEncoded(taken(), sent, { destination: response, ends: false });
    if (failed === null) await finished(response.end());
    // What was written goes out first; there is no last chunk.
    else await cut(response, clock);
  } catch {
    throw new ClickHouseException('QUERY_WAS_CANCELLED', 'The client went away, or took nothing for too long.');
  } finally {
    idle.cancel();
    await iterator.return?.();
  }
  if (failed !== null) throw failed;
}

interface StreamSink {
  readonly response: ServerResponse;
  readonly clock: Clock;
  /** For the text of an exception, and what a format is. */
  readonly engine: Pick<ChdbEngine, 'version' | 'contentTypes'>;
}

/** Some time later: a client that inflates or parses would hear of the cut before it has come to the block. */
async function cut(response: ServerResponse, clock: Clock): Promise<void> {
  await sleep(clock, cutPauseMs);
  if (response.destroyed) return;
  const closed = once(response, 'close');
  response.socket?.destroySoon();
  await closed;
}

/** A client that finds a mark in a result believes it only with the tag of the answer. */
export function exceptionTag(): string {
  return Array.from(randomBytes(16), (byte) => String.fromCharCode(firstLetter + (byte % 26))).join('');
}

function exceptionBlock(text: string, tag: string): Buffer {
  const said = `${text}\n`;
  return Buffer.from(`${mark}${tag}\r\n${said}${Buffer.byteLength(said)} ${tag}${mark}`);
}

const cutPauseMs = 250;
const firstLetter = 'a'.charCodeAt(0);
const mark = '\r\n__exception__\r\n';
