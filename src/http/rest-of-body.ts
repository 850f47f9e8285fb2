import type { IncomingMessage } from 'node:http';
import type { Clock } from '../core/clock.js';

/** What is still taken of a body that nobody wants, so that its sender gets to read why. */
const restBytesMax = 4 * 1_048_576;
const restMsMax = 1_000;

/** Resolves when all of a body was received and thrown away, or enough of it, or its sender is gone. */
export function restOfBody(request: IncomingMessage, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const settle = () => {
      timer.cancel();
      request.off('data', count).off('end', settle).off('close', settle);
      resolve();
    };
    const count = (chunk: Uint8Array) => {
      bytes += chunk.byteLength;
      if (bytes > restBytesMax) settle();
    };
    const timer = clock.setTimer(restMsMax, settle);
    if (request.complete || request.destroyed) return settle();
    request.on('data', count).once('end', settle).once('close', settle).resume();
  });
}
