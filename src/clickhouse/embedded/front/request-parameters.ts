import { ClickHouseException } from '../clickhouse-exception.js';
import { parseSession, type SessionParameters } from './session-parameters.js';

/** What the URL and the headers of a request say, apart from its body. */
export interface RequestParameters {
  readonly query: string;
  readonly database: string | null;
  readonly queryId: string | null;
  readonly defaultFormat: string | null;
  readonly clientRevision: number;
  /** `decompress=1`: the body comes in ClickHouse's own blocks. */
  readonly decompressBody: boolean;
  /** `wait_end_of_query`: whether the result is held until it is complete; null when it was not said. */
  readonly waitsForEnd: boolean | null;
  /** How often headers tell of a statement that runs (`send_progress_in_http_headers`); null for never. */
  readonly progressMs: number | null;
  readonly session: SessionParameters | null;
  /** `readonly=1` or 2: the client wants nothing to be changed, whoever it is. */
  readonly isReadOnly: boolean;
  /** `param_x` as `x`, values in ClickHouse's TSV-escaped form. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly settings: ReadonlyMap<string, string>;
}

export interface RequestSource {
  readonly url: URLSearchParams;
  header(name: string): string | undefined;
}

/** Throws BAD_ARGUMENTS for a name that is none. How the answer is compressed: `encoding/answer-encoding.ts`. */
export function parseRequestParameters({ url, header }: RequestSource): RequestParameters {
  const values = sentValues(url);
  const role = url.get('role');
  if (role !== null) {
    throw new ClickHouseException('UNKNOWN_ROLE', `There is no role \`${role.slice(0, 64)}\` in user directories.`);
  }
  return {
    query: url.get('query') ?? '',
    database: url.get('database') ?? header('x-clickhouse-database') ?? null,
    queryId: url.get('query_id') ?? header('x-clickhouse-query-id') ?? null,
    defaultFormat: header('x-clickhouse-format') ?? url.get('default_format'),
    clientRevision: Number(url.get('client_protocol_version') ?? 0) || 0,
    waitsForEnd: saidOf(url.get('wait_end_of_query') ?? url.get('http_wait_end_of_query')),
    progressMs: isOn(url.get('send_progress_in_http_headers'))
      ? progressMsOf(url.get('http_headers_progress_interval_ms'))
      : null,
    session: parseSession(url),
    isReadOnly: ['1', '2'].includes(url.get('readonly') ?? ''),
    decompressBody: isOn(url.get('decompress')),
    ...values,
  };
}

/** Parameters and settings by the names of a URL. Throws BAD_ARGUMENTS for a name that is none. */
export function sentValues(
  sent: Iterable<readonly [string, string]>,
): Pick<RequestParameters, 'parameters' | 'settings'> {
  const parameters = new Map<string, string>();
  const settings = new Map<string, string>();
  for (const [name, value] of sent) {
    if (!/^(?:[A-Za-z_][A-Za-z0-9_]*|param_[A-Za-z0-9_$]+)$/.test(name)) {
      throw new ClickHouseException('BAD_ARGUMENTS', `The name of a parameter is not valid: ${name.slice(0, 64)}.`);
    }
    if (name.startsWith('param_')) parameters.set(name.slice('param_'.length), value);
    else if (!reservedNames.has(name) && !transportSettings.has(name)) settings.set(name, value);
  }
  return { parameters, settings };
}

/** For a statement that names none. Throws UNKNOWN_FORMAT for what cannot be a name. */
export function formatAskedFor({ defaultFormat }: RequestParameters): string {
  const asked = defaultFormat ?? 'TabSeparated';
  if (!/^[A-Za-z0-9_]{1,64}$/.test(asked)) throw new ClickHouseException('UNKNOWN_FORMAT', 'Unknown format.');
  return asked;
}

function isOn(value: string | null): boolean {
  return value === '1' || value === 'true';
}

function saidOf(value: string | null): boolean | null {
  return isOn(value) ? true : value === '0' || value === 'false' ? false : null;
}

/** Null for what is no number. */
function countOf(value: string | null): number | null {
  return value !== null && /^\d{1,15}$/.test(value) ? Number(value) : null;
}

function progressMsOf(asked: string | null): number {
  return Math.min(Math.max(countOf(asked) ?? progressMsDefault, progressMsMin), progressMsMax);
}

/** A server's. */
const progressMsDefault = 100;
/** A look at what runs costs a statement of the engine's own, 1 to 2 ms. */
const progressMsMin = 50;
const progressMsMax = 3_600_000;

/** Parameters of ClickHouse's HTTP interface that are not settings. */
const reservedNames: ReadonlySet<string> = new Set([
  'buffer_size',
  'client_protocol_version',
  'close_session',
  'compress',
  'database',
  'decompress',
  'default_format',
  'password',
  'query',
  'query_id',
  'quota_key',
  'role',
  'session_check',
  'session_id',
  'session_timeout',
  'stacktrace',
  'user',
  'wait_end_of_query',
]);

/**
 * Settings about a transport chDB does not have. `readonly` is the engine's to set. A body is never inserted
 * asynchronously here, so that the answer means that the rows are there.
 */
export const transportSettings: ReadonlySet<string> = new Set([
  'add_http_cors_header',
  'async_insert',
  'cancel_http_readonly_queries_on_client_close',
  'connect_timeout',
  'enable_http_compression',
  'http_connection_timeout',
  'http_headers_progress_interval_ms',
  'http_max_field_value_size',
  'http_receive_timeout',
  'http_response_buffer_size',
  'http_send_timeout',
  'http_wait_end_of_query',
  'http_write_exception_in_output_format',
  'http_zlib_compression_level',
  'log_queries',
  'network_compression_method',
  'readonly',
  'receive_timeout',
  'send_progress_in_http_headers',
  'send_timeout',
  'wait_for_async_insert',
]);
