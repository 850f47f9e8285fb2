import { ClickHouseException } from '../clickhouse-exception.js';
import type { EngineUser } from '../front/engine-users.js';

/** Settings a request of this user may carry; the collector's own are not looked at. Throws READONLY for another. */
export function guardSettings(settings: ReadonlyMap<string, string>, { role, isCollector }: EngineUser): void {
  if (isCollector) return;
  for (const name of settings.keys()) {
    if (parserSettings.has(name)) throw settingRefused(name);
    const isAllowed =
      role === 'writer' ? !reachesOutside(name) : readerSettings.has(name) || readerSettingPrefix.test(name);
    if (!isAllowed) throw settingRefused(name);
  }
}

/** Whether a setting names what is outside of the data directory, or changes the language. */
export function reachesOutside(setting: string): boolean {
  return outsideSetting.test(setting);
}

const outsideSetting = new RegExp(
  [
    '^(?:disk|table_disk|storage_policy|url_base|dialect|default_.*_engine|rename_files_after_processing)$',
    '_path$|_url$|_schema$|_schema_source$|_template_(?:row|resultset)$|_cache_name$|credentials',
    'polyglot|kusto|prql|^implicit_|^dynamic_disk',
  ].join('|'),
);

export function settingRefused(name: string): ClickHouseException {
  return new ClickHouseException('READONLY', `Cannot modify '${name}' setting in readonly mode.`);
}

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
