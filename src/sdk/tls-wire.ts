import type { IncomingMessage } from 'node:http';
import { errorMessage } from '../core/error-message.js';
import { binaryWire } from './binary-wire.js';
import { secureRequest, tlsMaterial } from './secure-request.js';
import type { TlsOptions } from './tls-options.js';
import type { Connection, ConnectionHandlers, Wire } from './wire.js';
import { WsConnection } from './ws-connection.js';

/** Throws TypeError for a certificate without a key, and the other way round. */
export function wireFor(options: TlsOptions): Wire {
  const { tlsCaFile: ca, tlsCertFile: cert, tlsKeyFile: key } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError('cannot make a client: tlsCertFile and tlsKeyFile need each other');
  }
  if (ca === undefined && cert === undefined) return binaryWire;
  const material = () => tlsMaterial(options) ?? {};
  return {
    ...binaryWire,
    connect(handlers, connection) {
      try {
        return new WsConnection(handlers, { ...connection, tls: material() });
      } catch (error) {
        return failedConnection(handlers, errorMessage(error));
      }
    },
    fetch: async (url, init) =>
      url.startsWith('https:') ? wholeResponse(await secureRequest(url, init, material())) : fetch(url, init),
  };
}

/** One that was never opened. */
function failedConnection(handlers: ConnectionHandlers, reason: string): Connection {
  // Whoever asked for it has it by then.
  queueMicrotask(() => handlers.closed({ refusal: null, closeCode: null, reason }));
  const nothing = (): void => undefined;
  return { send: nothing, ping: nothing, close: nothing, terminate: nothing, bufferedBytes: () => 0 };
}

const answerBytesMax = 4_194_304;

/** Whoever is redirected gets no events. */
async function wholeResponse(answer: IncomingMessage): Promise<Response> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    parts.push(part);
    bytes += part.length;
    if (bytes > answerBytesMax) throw new Error(`the answer is larger than ${answerBytesMax} bytes`);
  }
  const { statusCode: status = 500, headers: told } = answer;
  const retryAfter = told['retry-after'];
  const text = Buffer.concat(parts).toString('utf8');
  const init = { status, headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter } };
  return new Response(text === '' ? null : text, init);
}
