import { hasBrokenText } from './query-text.js';
import type { UwsRequest } from './uws.js';

/** What is copied out of a request before its handler returns: uWebSockets.js keeps it on the stack. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. A header that came more than once has its values joined by commas, as RFC 9110 allows. */
  readonly headers: ReadonlyMap<string, string>;
  /** Of path and query as sent, all ASCII. */
  readonly targetCharacters: number;
  /** Why nothing may be made of this request; null when it is unambiguous. */
  readonly fault: string | null;
}

/** A URL that arrives in pieces is refused by uWebSockets.js at 4 KiB; one that arrives whole, here. */
export const targetCharactersMax = 16_384;

/**
 * Of these a second one means that a proxy on the way and we may have read two different requests, or two different
 * callers, from the same bytes: RFC 9112 asks for a refusal where it concerns the length of the message or `Host`.
 */
const singleHeaders: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'authorization',
  'content-type',
  'content-encoding',
  'idempotency-key',
  'origin',
  'sec-fetch-site',
  'sec-fetch-mode',
  'sec-fetch-dest',
  'sec-websocket-key',
]);

const contentLengthPattern = /^\d{1,15}$/;

/** Hot path: once a request. */
export function readHead(request: UwsRequest): RequestHead {
  const headers = new Map<string, string>();
  let fault: string | null = null;
  request.forEachHeader((name, value) => {
    const before = headers.get(name);
    if (before === undefined) headers.set(name, value);
    else if (singleHeaders.has(name)) fault ??= `the header ${name} is given more than once`;
    else headers.set(name, `${before}, ${value}`);
  });
  const path = request.getUrl();
  const query = request.getQuery() ?? '';
  const targetCharacters = path.length + query.length;
  if (hasBrokenText(query)) fault ??= 'the query is not UTF-8';
  return {
    method: request.getCaseSensitiveMethod(),
    path,
    query: new URLSearchParams(targetCharacters > targetCharactersMax ? '' : query),
    headers,
    targetCharacters,
    fault: fault ?? framingFault(headers),
  };
}

/**
 * What says where the body ends must have one meaning. uWebSockets.js takes an empty length for none and reads
 * `gzip, chunked` as chunked; both at once it refuses itself.
 */
function framingFault(headers: ReadonlyMap<string, string>): string | null {
  const length = headers.get('content-length');
  if (length !== undefined && !contentLengthPattern.test(length)) return 'content-length is no number of bytes';
  const encoding = headers.get('transfer-encoding');
  if (encoding === undefined) return null;
  if (encoding.toLowerCase() !== 'chunked') return 'transfer-encoding may only be chunked';
  return length === undefined ? null : 'content-length and transfer-encoding exclude each other';
}

/** As the `method` label of metrics: a stranger's word would be a series that stays. */
export function methodLabel(method: string): string {
  return knownMethods.has(method) ? method : 'other';
}

const knownMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
