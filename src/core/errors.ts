/**
 * Every error a client or an operator can meet, declared once. Code matches on `code`, never on text.
 *
 * `httpStatus`: what an HTTP answer carries. `closeCode`: how a WebSocket is closed, `null` where the
 * connection goes on. `retryable`: the same request may succeed later, unchanged.
 */
export interface ErrorSpec {
  readonly httpStatus: number;
  readonly closeCode: number | null;
  readonly retryable: boolean;
  readonly meaning: string;
}

function spec(httpStatus: number, closeCode: number | null, retryable: boolean, meaning: string): ErrorSpec {
  return { httpStatus, closeCode, retryable, meaning };
}

/** One event is bad; it is named by its index, the others of its frame are kept. */
export const eventErrors = {
  event_not_map: spec(400, null, false, 'the event is not a map, or the line it is sent as is not JSON'),
  field_required: spec(400, null, false, 'a required field is missing or empty'),
  field_type: spec(400, null, false, 'a field has the wrong type'),
  field_range: spec(400, null, false, 'a number is NaN, infinite, negative or outside its bounds'),
  type_unknown: spec(400, null, false, 'the event type is not one of the known types'),
  value_unknown: spec(400, null, false, 'a field with a closed set of values has another value'),
  string_too_long: spec(400, null, false, 'a string is longer than its field allows'),
  string_invalid: spec(400, null, false, 'a string is not valid UTF-8, or half a surrogate pair is in it'),
  map_too_large: spec(400, null, false, 'a map or list has more entries than its field allows'),
  content_refused: spec(400, null, false, 'a key that names prompt or response content is refused'),
  time_invalid: spec(400, null, false, 'a time is neither a number since the epoch nor RFC 3339 with an offset'),
  time_order: spec(400, null, false, 'ended_at is before started_at'),
  nesting_too_deep: spec(400, null, false, 'values are nested deeper than allowed'),
  extension_type: spec(400, null, false, 'a MessagePack extension other than the timestamp is refused'),
  user_foreign: spec(400, null, false, 'the event names another user than the one the API key is bound to'),
  row_ragged: spec(400, null, false, 'a row has not as many values as the frame has columns'),
} as const satisfies Record<string, ErrorSpec>;

/** What was not kept as it was sent, though its event was: told to the client, an unknown name once a frame. */
export const eventNotices = {
  field_unknown: spec(202, null, false, 'a field the schema does not know is ignored; the event is kept'),
  column_unknown: spec(202, null, false, 'a column the schema does not know is ignored; the rows are kept'),
  conflicting_end: spec(202, null, false, 'what it ends had ended otherwise before; the event is kept, not counted'),
  time_clamped: spec(202, null, false, 'ts is outside the accepted clock skew and set to its bound; the event is kept'),
} as const satisfies Record<string, ErrorSpec>;

/** A whole frame or request cannot be taken. Nothing of it is kept, nothing of it is acknowledged. */
const frameErrors = {
  frame_malformed: spec(400, 4400, false, 'the frame is not valid MessagePack or JSON, or it is truncated'),
  frame_shape: spec(400, 4400, false, 'the frame is none of the three shapes'),
  frame_empty: spec(400, 4400, false, 'the frame holds no event'),
  frame_too_large: spec(413, 4413, false, 'the frame is larger than max_frame_bytes'),
  frame_too_many_events: spec(413, 4413, false, 'the frame holds more events than allowed'),
  seq_missing: spec(400, 4422, false, 'a frame without seq after numbered ones, or the other way round'),
  seq_invalid: spec(400, 4422, false, 'seq is not an integer from 1 to 2^53 - 1'),
  seq_regressed: spec(400, 4422, false, 'seq goes back to a number that was skipped before'),
  seq_refused: spec(400, null, false, 'seq numbers the frames of a WebSocket; in a request nothing goes by it'),
  credit_overrun: spec(429, 4429, true, 'more frames are unacknowledged than the credit allows'),
  event_rate_exceeded: spec(
    429,
    null,
    true,
    'the API key has had its events a second; over a WebSocket credit is 0 then',
  ),
  byte_rate_exceeded: spec(429, null, true, 'the API key has had its bytes of events a second; likewise'),
  event_quota_spent: spec(
    429,
    4429,
    true,
    'the API key has sent its events of this day (UTC); keep them until tomorrow',
  ),
  client_too_slow: spec(429, 1006, true, 'more answers wait unread than a connection may hold; it is cut'),
  producer_invalid: spec(400, 4400, false, 'the producer id is not [A-Za-z0-9_-]{1,64}'),
  producer_replaced: spec(409, 4409, false, 'a newer connection of the same producer took over'),
} as const satisfies Record<string, ErrorSpec>;

/** Who may do what. */
const accessErrors = {
  key_missing: spec(401, 4401, false, 'no API key was sent'),
  key_invalid: spec(401, 4401, false, 'the API key is not known'),
  key_rotated: spec(401, 4401, false, 'the API key was replaced by a new one, and the time of both is over'),
  scope_missing: spec(403, 4403, false, 'the API key does not carry the scope this needs'),
  certificate_missing: spec(403, 4403, false, 'the port wants a client certificate (TLS), and none was sent'),
  certificate_refused: spec(403, 4403, false, 'the client certificate has expired or is of none of the authorities'),
  user_bound: spec(403, 4403, false, 'the API key is bound to a user, and this is not told by user'),
  key_own: spec(409, null, false, 'an API key cannot take itself back; ask with another one'),
  keys_configured: spec(409, null, false, 'the configuration sets the API keys; they are changed there'),
  keys_rotating: spec(409, null, false, 'as many secrets of the API key are good as may be; wait until one has ended'),
  keys_exhausted: spec(409, null, false, 'the tenant has as many API keys as it may; take some back'),
} as const satisfies Record<string, ErrorSpec>;

/** The HTTP surface. */
const requestErrors = {
  host_unknown: spec(421, null, false, 'the Host header is no name of the collector; see TIDEMARK_HTTP_HOSTS'),
  origin_foreign: spec(403, null, false, 'a web page of another origin asks; see TIDEMARK_HTTP_CORS_ORIGINS'),
  request_malformed: spec(400, null, false, 'the head of the request is ambiguous or not HTTP/1.1'),
  path_unknown: spec(404, null, false, 'no such path'),
  method_not_allowed: spec(405, null, false, 'the path exists, the method does not'),
  not_found: spec(404, null, false, 'no such agent, task, run or pattern of this tenant'),
  parameter_invalid: spec(400, 4400, false, 'a query or path parameter is missing or has a wrong value'),
  parameter_unknown: spec(400, null, false, 'a query parameter has a name this endpoint does not know'),
  parameter_repeated: spec(400, null, false, 'a query parameter is given more than once'),
  media_type_unsupported: spec(415, null, false, 'the content type or content encoding is not accepted'),
  head_too_large: spec(431, null, false, 'the head of the request is larger than 96 KiB'),
  websocket_required: spec(426, null, false, 'the path speaks WebSocket, version 13, and nothing else'),
  protocol_unknown: spec(400, 4400, false, 'of the WebSocket sub-protocols offered none is tidemark.v1'),
  url_too_long: spec(414, null, false, 'the path and query of the request are longer than 16 KiB'),
  idempotency_mismatch: spec(422, null, false, 'the Idempotency-Key was sent before with another body'),
  body_too_large: spec(413, null, false, 'the body is larger than allowed, as sent or when inflated'),
  body_invalid: spec(400, null, false, 'the body cannot be inflated or read, or a field of it is missing or wrong'),
  request_timeout: spec(408, null, true, 'the body did not arrive in time'),
  query_timeout: spec(504, null, true, 'the query took longer than allowed and was cancelled'),
  snapshot_unsupported: spec(409, null, false, 'the store is a ClickHouse server, which has a backup of its own'),
  // 422 and not a 5xx: nothing is broken, and the same request fails again until it asks for less.
  query_too_large: spec(422, null, false, 'the query needs more memory or rows than one may have; ask for less'),
  store_unavailable: spec(
    503,
    null,
    true,
    'the store cannot be reached, or is short of memory; events are still accepted',
  ),
  connections_exhausted: spec(503, 1013, true, 'the collector has as many connections as it may'),
  overloaded: spec(429, 4429, true, 'more requests are under way than the collector may hold'),
  key_overloaded: spec(429, 4429, true, 'the API key holds as many requests or connections as one key may'),
  request_rate_exceeded: spec(429, null, true, 'the API key has had its requests a second'),
  address_overloaded: spec(429, 4429, true, 'the address holds as many requests or connections as one may'),
  subscribers_exhausted: spec(429, 4429, true, 'the collector or the tenant has as many live subscribers as it may'),
  spool_full: spec(503, 4503, true, 'the spool has reached its quota or the disk is almost full'),
  clock_unset: spec(503, 4503, true, 'the wall clock of the collector is not set; nothing is acknowledged until it is'),
  spool_failed: spec(503, 4503, true, 'the disk refused a write or a sync; nothing was acknowledged'),
  stopping: spec(503, 1012, true, 'the collector is shutting down'),
  internal: spec(500, 1011, true, 'an unexpected failure of the collector'),
} as const satisfies Record<string, ErrorSpec>;

/** What an operator meets: never sent to a client. */
export const operatorErrors = {
  config_invalid: spec(500, null, false, 'the configuration has problems; all are listed, exit code 2'),
  port_taken: spec(500, null, true, 'another program listens on a port of the collector'),
  data_dir_locked: spec(500, null, false, 'another collector uses the data directory'),
  data_dir_unusable: spec(500, null, false, 'the data directory cannot be made, or not be locked'),
  engine_start_failed: spec(500, null, true, 'the embedded engine did not become ready'),
  sandbox_missing: spec(500, null, false, 'the sandbox of the embedded engine is required and cannot be had here'),
  store_rejected: spec(500, null, false, 'ClickHouse refuses this statement or segment for good'),
  store_overloaded: spec(500, null, true, 'ClickHouse is short of memory, parts or threads'),
  store_unreachable: spec(500, null, true, 'ClickHouse cannot be reached or did not answer in time'),
  store_failed: spec(500, null, true, 'ClickHouse failed in a way that says nothing about the rows'),
  lease_lost: spec(500, null, true, 'another collector does the upkeep of the store from now on'),
  schema_foreign: spec(500, null, false, 'an unreleased version made the store; it has to be moved away'),
  schema_newer: spec(500, null, false, 'a newer version made the store of the embedded engine; start that again'),
  migration_changed: spec(500, null, false, 'a migration that was applied has since been edited'),
  schema_incomplete: spec(500, null, false, 'a table of the schema is missing from the store; nothing is inserted'),
  segment_unreadable: spec(500, null, true, 'the file of a spool segment is missing or cut at this moment'),
  segment_corrupt: spec(500, null, false, 'a spool segment does not match its log; it is quarantined'),
} as const satisfies Record<string, ErrorSpec>;

export const errorTable = {
  ...eventErrors,
  ...eventNotices,
  ...frameErrors,
  ...accessErrors,
  ...requestErrors,
  ...operatorErrors,
} as const;

export type EventErrorCode = keyof typeof eventErrors | keyof typeof eventNotices;
export type FrameErrorCode = keyof typeof frameErrors;
export type AccessErrorCode = keyof typeof accessErrors;
export type ErrorCode = keyof typeof errorTable;

/** An operating failure: says what could not be done, keeps its cause, knows whether to try again. */
export class CollectorError extends Error {
  override readonly name = 'CollectorError';
  readonly code: ErrorCode;
  /** When to come back, where it is known. */
  readonly retryAfterSeconds: number | null;

  constructor(
    code: ErrorCode,
    message: string,
    options?: { readonly cause?: unknown; readonly retryAfterSeconds?: number },
  ) {
    super(message, options);
    this.code = code;
    this.retryAfterSeconds = options?.retryAfterSeconds ?? null;
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }
}

// Apart, since a page downloads it and the table not.
export { errorMessage } from './error-message.js';
