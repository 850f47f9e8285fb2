import { STATUS_CODES } from 'node:http';
import type { Clock, Timer } from '../core/clock.js';
import { CollectorError } from '../core/errors.js';
import type { HttpReply } from '../core/ports.js';
import type { UwsResponse } from './uws.js';

export interface ReplyOptions {
  /** Aborted once the client has gone; the response must not be touched then. */
  readonly signal: AbortSignal;
  /** HEAD: the headers of the answer, no body. */
  readonly headOnly: boolean;
  readonly closeConnection: boolean;
  readonly clock: Clock;
  /** A client that takes nothing of a streamed body for this long is given up. */
  readonly idleMsMax: number;
}

/**
 * Writes an answer; resolves when all of it was handed to the socket or the client has gone. Rejects when a body fails
 * midway or the client takes nothing: the connection must be closed then, or what was sent would pass for the whole.
 */
export async function writeReply(response: UwsResponse, reply: HttpReply, options: ReplyOptions): Promise<void> {
  if (options.signal.aborted) return;
  const body = reply.body ?? '';
  if (typeof body === 'string' || body instanceof Uint8Array) {
    response.cork(() => {
      writeHead(response, reply);
      if (options.headOnly) response.endWithoutBody(Buffer.byteLength(body), options.closeConnection);
      else response.end(body, options.closeConnection);
    });
    return;
  }
  response.cork(() => writeHead(response, reply));
  for await (const chunk of body) {
    if (options.signal.aborted) return;
    if (!writeChunk(response, chunk)) await writable(response, options);
  }
  if (!options.signal.aborted) response.cork(() => response.end(undefined, options.closeConnection));
}

/** A page elsewhere cannot take an answer for a picture or a script of its own; what it may read, it asks by CORS. */
function writeHead(response: UwsResponse, reply: HttpReply): void {
  response.writeStatus(`${reply.status} ${STATUS_CODES[reply.status] ?? ''}`);
  response.writeHeader('cross-origin-resource-policy', 'same-origin');
  response.writeHeader('x-content-type-options', 'nosniff');
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.writeHeader(name, value);
}

/** False when the chunk was taken but the socket's buffer is now full. An empty chunk would end the response. */
function writeChunk(response: UwsResponse, chunk: Uint8Array): boolean {
  if (chunk.byteLength === 0) return true;
  let free = true;
  response.cork(() => {
    free = response.write(chunk);
  });
  return free;
}

/**
 * Resolves when the socket takes more, or the client has gone. uWebSockets.js cuts a socket that took nothing for 10 s,
 * a time nobody can set; to pause and resume reading starts that time again. Paused, it would not hear of room either.
 */
function writable(response: UwsResponse, { signal, clock, idleMsMax }: ReplyOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let timer: Timer;
    const endMs = clock.monotonicMs() + idleMsMax;
    const settle = () => {
      timer.cancel();
      signal.removeEventListener('abort', settle);
      resolve();
    };
    const wait = () => {
      const leftMs = endMs - clock.monotonicMs();
      timer = clock.setTimer(Math.min(keepOpenMs, leftMs), () => {
        if (leftMs <= keepOpenMs) {
          reject(new CollectorError('client_too_slow', `the client took nothing for ${idleMsMax} ms`));
          return settle();
        }
        response.pause();
        response.resume();
        wait();
      });
    };
    wait();
    if (signal.aborted) return settle();
    signal.addEventListener('abort', settle, { once: true });
    response.onWritable(() => {
      settle();
      return true;
    });
  });
}

const keepOpenMs = 4_000;
