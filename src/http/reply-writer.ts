import type { ServerResponse } from 'node:http';
import type { Clock } from '../core/clock.js';
import { CollectorError } from '../core/errors.js';
import type { HttpReply } from '../core/ports/http-route.js';
import { restOfBody } from './rest-of-body.js';

export interface ReplyOptions {
  /** Aborted once the client has gone. */
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
export async function writeReply(response: ServerResponse, reply: HttpReply, options: ReplyOptions): Promise<void> {
  if (options.signal.aborted) return;
  const body = reply.body ?? '';
  if (options.closeConnection) response.shouldKeepAlive = false;
  if (typeof body === 'string' || body instanceof Uint8Array) {
    await writeWhole(response, { reply, body, options });
    return;
  }
  writeHead(response, reply);
  for await (const chunk of body) {
    if (options.signal.aborted || options.headOnly) break;
    if (chunk.byteLength > 0 && !response.write(chunk)) await writable(response, options);
  }
  if (!options.signal.aborted) response.end();
}

/** A client that is still sending when its connection ends may lose the answer: what it sends is taken for a while. */
async function writeWhole(
  response: ServerResponse,
  of: { readonly reply: HttpReply; readonly body: string | Uint8Array; readonly options: ReplyOptions },
): Promise<void> {
  const { reply, body, options } = of;
  const lengthless = reply.status === 204 || reply.status === 304;
  writeHead(response, reply, lengthless ? {} : { 'content-length': Buffer.byteLength(body) });
  if (options.headOnly || body.length === 0) response.flushHeaders();
  else response.write(body);
  if (options.closeConnection && !response.req.complete) await restOfBody(response.req, options.clock);
  response.end();
}

/** A page elsewhere cannot take an answer for a picture or a script of its own; what it may read, it asks by CORS. */
function writeHead(response: ServerResponse, reply: HttpReply, more: Readonly<Record<string, number>> = {}): void {
  response.writeHead(reply.status, {
    'cross-origin-resource-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    ...more,
    ...reply.headers,
  });
}

/** Resolves when the socket takes more, or the client has gone. */
function writable(response: ServerResponse, { signal, clock, idleMsMax }: ReplyOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      timer.cancel();
      signal.removeEventListener('abort', settle);
      response.off('drain', settle);
      resolve();
    };
    const timer = clock.setTimer(idleMsMax, () => {
      reject(new CollectorError('client_too_slow', `the client took nothing for ${idleMsMax} ms`));
      settle();
    });
    if (signal.aborted) return settle();
    signal.addEventListener('abort', settle, { once: true });
    response.once('drain', settle);
  });
}
