import { ClickHouseException } from '../clickhouse-exception.js';
import { guardWriterSetting } from '../guard/statement-guard.js';
import type { EngineUser } from './engine-users.js';

/** What the URL and the headers of a request say, apart from its body. */
export interface RequestParameters {
  readonly query: string;
  readonly database: string | null;
  readonly queryId: string | null;
  readonly defaultFormat: string | null;
  readonly clientRevision: number;
  readonly compressResponse: boolean;
  /** `wait_end_of_query=0` was asked for: the result may be sent while it is made. */
  readonly streamResponse: boolean;
  /** `param_x` as `x`, values in ClickHouse's TSV-escaped form. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly settings: ReadonlyMap<string, string>;
}

export interface RequestSource {
  readonly url: URLSearchParams;
  header(name: string): string | undefined;
}

/** Throws BAD_ARGUMENTS for a name that is none, NOT_IMPLEMENTED for ClickHouse's own compression framing. */
export function parseRequestParameters({ url, header }: RequestSource): RequestParameters {
  const parameters = new Map<string, string>();
  const settings = new Map<string, string>();
  for (const [name, value] of url) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw new ClickHouseException('BAD_ARGUMENTS', `The name of a parameter is not valid: ${name.slice(0, 64)}.`);
    }
    if (name.startsWith('param_')) parameters.set(name.slice('param_'.length), value);
    else if (!reservedNames.has(name) && !transportSettings.has(name)) settings.set(name, value);
  }
  for (const name of ['compress', 'decompress']) if (isOn(url.get(name))) throw framingRefused(name);
  return {
    query: url.get('query') ?? '',
    database: url.get('database') ?? header('x-clickhouse-database') ?? null,
    queryId: url.get('query_id') ?? header('x-clickhouse-query-id') ?? null,
    defaultFormat: header('x-clickhouse-format') ?? url.get('default_format'),
    clientRevision: Number(url.get('client_protocol_version') ?? 0) || 0,
    streamResponse: isOff(url.get('wait_end_of_query')),
    compressResponse: isOn(url.get('enable_http_compression')) && /\bgzip\b/.test(header('accept-encoding') ?? ''),
    parameters,
    settings,
  };
}

/** Settings a request of this user may carry; the collector's own are not looked at. Throws READONLY for another. */
export function guardSettings(settings: ReadonlyMap<string, string>, { role, isCollector }: EngineUser): void {
  if (isCollector) return;
  for (const name of settings.keys()) {
    if (parserSettings.has(name)) throw readonlySetting(name);
    if (role === 'writer') guardWriterSetting(name);
    else if (!readerSettings.has(name) && !readerSettingPrefix.test(name)) throw readonlySetting(name);
  }
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

function isOff(value: string | null): boolean {
  return value === '0' || value === 'false';
}

function framingRefused(name: string): ClickHouseException {
  const advice = 'switch native (LZ4 or ZSTD) compression off in the client; gzip over HTTP works';
  return new ClickHouseException('NOT_IMPLEMENTED', `${name}=1 is not supported by the embedded engine: ${advice}.`);
}

function readonlySetting(name: string): ClickHouseException {
  return new ClickHouseException('READONLY', `Cannot modify '${name}' setting in readonly mode.`);
}

/** Parameters of ClickHouse's HTTP interface that are not settings. Sessions are accepted and keep nothing. */
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
const transportSettings: ReadonlySet<string> = new Set([
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

/** Would make the engine read another language than the guard does. */
const parserSettings: ReadonlySet<string> = new Set([
  'allow_experimental_kusto_dialect',
  'allow_experimental_polyglot_dialect',
  'allow_experimental_prql_dialect',
  'allow_settings_after_format_in_insert',
  'dialect',
  'implicit_select',
  'implicit_table_at_top_level',
  'polyglot_dialect',
]);

/** What a read-only user may change: how results look, and limits. No setting that holds an expression or a path. */
const readerSettings: ReadonlySet<string> = new Set([
  'aggregate_functions_null_for_empty',
  'asterisk_include_alias_columns',
  'asterisk_include_materialized_columns',
  'cast_string_to_dynamic_use_inference',
  'date_time_input_format',
  'date_time_output_format',
  'distinct_overflow_mode',
  'empty_result_for_aggregation_by_empty_set',
  'extremes',
  'final',
  'format_csv_delimiter',
  'format_csv_null_representation',
  'group_by_overflow_mode',
  'join_use_nulls',
  'limit',
  'log_comment',
  'max_block_size',
  'max_bytes_to_read',
  'max_execution_time',
  'max_memory_usage',
  'max_result_bytes',
  'max_result_rows',
  'max_rows_to_group_by',
  'max_rows_to_read',
  'max_threads',
  'offset',
  'optimize_aggregation_in_order',
  'output_format_json_quote_64bit_integers',
  'priority',
  'read_overflow_mode',
  'result_overflow_mode',
  'session_timezone',
  'timeout_overflow_mode',
  'totals_mode',
  'use_client_time_zone',
]);
const readerSettingPrefix = /^output_format_(?!.*(?:schema|path|file))/;
