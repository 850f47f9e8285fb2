import { CollectorError, type ErrorCode, errorTable, operatorErrors } from './errors.js';
import type { HttpReply } from './ports/http-route.js';
import type { LimitRefusal } from './ports/request-limiter.js';

/** One bad parameter or field of a request. */
export interface ProblemItem {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

export interface ProblemOptions {
  readonly detail?: string;
  readonly errors?: readonly ProblemItem[];
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * An error answer as problem details (RFC 9457): `type`, `title`, `status`, `detail`, and our stable `code`.
 * A retryable 429 or 503 says when to come back.
 */
export function problem(code: ErrorCode, options: ProblemOptions = {}): HttpReply {
  const spec = errorTable[code];
  const body = {
    type: `urn:tidemark:error:${code}`,
    title: spec.meaning,
    status: spec.httpStatus,
    code,
    ...(options.detail === undefined ? {} : { detail: options.detail }),
    ...(options.errors === undefined ? {} : { errors: options.errors }),
  };
  const comeBack = spec.retryable && (spec.httpStatus === 429 || spec.httpStatus === 503);
  return {
    status: spec.httpStatus,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(comeBack ? { 'retry-after': String(retryAfterSeconds) } : {}),
      ...options.headers,
    },
    body: `${JSON.stringify(body)}\n`,
  };
}

const retryAfterSeconds = 1;

/** The answer to a key that has reached a limit of its own. */
export function limitReply({ code, message: detail, retryAfterSeconds: seconds }: LimitRefusal): HttpReply {
  return problem(code, { detail, headers: { 'retry-after': String(seconds) } });
}

/**
 * The answer for anything a handler threw: a `CollectorError` keeps its code, anything else is `internal`.
 * What only an operator should read stays out: the detail of a 5xx (it may name hosts, paths, SQL) and operator codes.
 */
export function problemOf(error: unknown): HttpReply {
  if (!(error instanceof CollectorError)) return problem('internal');
  const code = clientCode(error.code);
  if (errorTable[code].httpStatus >= 500) return problem(code);
  const errors = error instanceof RequestProblem ? { errors: error.errors } : {};
  const { retryAfterSeconds } = error;
  const later = retryAfterSeconds === null ? {} : { headers: { 'retry-after': String(retryAfterSeconds) } };
  return problem(code, { detail: error.message, ...errors, ...later });
}

function clientCode(code: ErrorCode): ErrorCode {
  if (code === 'store_unreachable' || code === 'store_overloaded') return 'store_unavailable';
  return code in operatorErrors ? 'internal' : code;
}

/** A refused request with the parameters or fields at fault. */
export class RequestProblem extends CollectorError {
  readonly errors: readonly ProblemItem[];

  constructor(code: ErrorCode, message: string, errors: readonly ProblemItem[]) {
    super(code, message);
    this.errors = errors;
  }
}

/** Characters of a client's own words that an error message repeats. */
const quotedCharactersMax = 64;

/** `text` for an error message: JSON-quoted, at most 64 characters of it. */
export function quoted(text: string): string {
  const characters = [...text.slice(0, 2 * quotedCharactersMax)];
  const head = JSON.stringify(characters.slice(0, quotedCharactersMax).join(''));
  return characters.length > quotedCharactersMax || text.length > 2 * quotedCharactersMax ? `${head} (cut)` : head;
}
