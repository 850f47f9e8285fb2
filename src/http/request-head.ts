import type { IncomingMessage } from 'node:http';
import { hasBrokenText } from './query-text.js';

/** What is taken of a request before anything is made of it. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. A header that came more than once has its values joined by commas, as RFC 9110 allows. */
  readonly headers: ReadonlyMap<string, string>;
  /** Of path and query as sent. */
  readonly targetCharacters: number;
  /** Why nothing may be made of this request; null when it is unambiguous. */
  readonly fault: string | null;
}

/** A longer path and query is read, and answered with what is wrong about it, as far as `headBytesMax` goes. */
export const targetCharactersMax = 16_384;
/** Of request line and headers; a larger head is cut off while it arrives. */
export const headBytesMax = 98_304;
const headersMax = 100;

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
  'sec-websocket-version',
]);

const contentLengthPattern = /^\d{1,15}$/;

/** Hot path: once a request. */
export function readHead(request: Pick<IncomingMessage, 'method' | 'url' | 'rawHeaders' | 'httpVersion'>): RequestHead {
  const { rawHeaders } = request;
  const headers = new Map<string, string>();
  let fault: string | null = null;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    const value = rawHeaders[at + 1]!;
    const before = headers.get(name);
    if (before === undefined) headers.set(name, value);
    else if (singleHeaders.has(name)) fault ??= `the header ${name} is given more than once`;
    else headers.set(name, `${before}, ${value}`);
  }
  if (rawHeaders.length > 2 * headersMax) fault ??= `the request has more than ${headersMax} headers`;
  const sent = pathOf(request.url ?? '', headers.get('host'));
  const target = decodedTarget(sent);
  if (!target.startsWith('/')) fault ??= 'the target of the request is neither a path nor a URL of this host';
  if (!/^1\.[01]$/.test(request.httpVersion)) fault ??= `the version is HTTP/${request.httpVersion}, not HTTP/1.1`;
  const queryAt = target.indexOf('?');
  if (queryAt !== -1 && hasBrokenText(sent.slice(sent.indexOf('?')))) fault ??= 'the query is not UTF-8';
  return {
    method: request.method ?? '',
    path: queryAt === -1 ? target : target.slice(0, queryAt),
    query: new URLSearchParams(queryAt === -1 || target.length > targetCharactersMax ? '' : target.slice(queryAt + 1)),
    headers,
    targetCharacters: target.length,
    fault: fault ?? framingFault(headers),
  };
}

/** A client may name all of the URL, as it does to a proxy; of a host that is the one it asks by, or it is no path. */
function pathOf(url: string, host: string | undefined): string {
  const [, authority, path] = /^https?:\/\/([^/?]+)(.*)$/i.exec(url) ?? [];
  if (authority === undefined || authority.toLowerCase() !== host?.toLowerCase()) return url;
  return path?.startsWith('/') === true ? path : `/${path}`;
}

/** Some clients send UTF-8 as it is, which Node reads as Latin-1. */
function decodedTarget(url: string): string {
  return pastAscii.test(url) ? Buffer.from(url, 'latin1').toString('utf8') : url;
}

const pastAscii = /[\x80-\xff]/;

/**
 * What says where the body ends must have one meaning. Node's parser refuses most of what has two by itself, and takes
 * `gzip, chunked` as chunked.
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
