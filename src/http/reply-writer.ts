import { STATUS_CODES } from 'node:http';
import type { HttpReply } from '../core/ports.js';
import type { UwsResponse } from './uws.js';

export interface ReplyOptions {
  /** Aborted once the client has gone; the response must not be touched then. */
  readonly signal: AbortSignal;
  /** HEAD: the headers of the answer, no body. */
  readonly headOnly: boolean;
  readonly closeConnection: boolean;
}

/** Writes an answer; resolves when all of it was handed to the socket or the client has gone. */
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
    if (!writeChunk(response, chunk)) await writable(response, options.signal);
  }
  if (!options.signal.aborted) response.cork(() => response.end());
}

function writeHead(response: UwsResponse, reply: HttpReply): void {
  response.writeStatus(`${reply.status} ${STATUS_CODES[reply.status] ?? ''}`);
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

function writable(response: UwsResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    signal.addEventListener('abort', () => resolve(), { once: true });
    response.onWritable(() => {
      resolve();
      return true;
    });
  });
}
