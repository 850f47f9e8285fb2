import { CollectorError } from '../core/errors.js';
import type { UwsResponse } from './uws.js';

/**
 * Assembles a request body of at most `bytesMax` bytes into one buffer of its own: uWebSockets.js detaches
 * each chunk's ArrayBuffer when its callback returns, so every chunk is copied. Rejects with
 * `body_too_large` as soon as the limit is passed, without keeping more.
 *
 * Must be called before the request handler returns: `onData` cannot be attached later.
 */
export function readBody(response: UwsResponse, options: { readonly bytesMax: number }): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let chunks: Uint8Array[] = [];
    let bytes = 0;
    let refused = false;
    response.onData((chunk, isLast) => {
      if (refused) return;
      bytes += chunk.byteLength;
      if (bytes > options.bytesMax) {
        refused = true;
        chunks = [];
        reject(new CollectorError('body_too_large', `the body is larger than ${options.bytesMax} bytes`));
        return;
      }
      chunks.push(new Uint8Array(chunk.slice(0)));
      if (isLast) resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes));
    });
  });
}
