import { quoteString } from '../../sql-text.js';
import { ClickHouseException } from '../clickhouse-exception.js';
import type { EngineUser } from '../front/engine-users.js';
import { transportSettings } from '../front/request-parameters.js';

/** What the engine has, and what a user may not go beyond. */
export interface SettingBounds {
  /** By name, what each setting is when nobody sets it. */
  readonly values: ReadonlyMap<string, string>;
  readonly memoryBytesMax: number;
}

/**
 * Settings that this user may have, beside a statement or in it. Throws UNKNOWN_SETTING for a name the engine has not,
 * READONLY for one that is not his to change, SETTING_CONSTRAINT_VIOLATION for more memory than there is for him. Time
 * and threads beyond his count as all he has: clients ask for them as a matter of course. The writer
 * may send back what `system.settings` told him: at the value that it has anyway a setting changes nothing.
 */
export function guardSettings(
  settings: ReadonlyMap<string, string>,
  { role }: EngineUser,
  { values, memoryBytesMax }: SettingBounds,
): void {
  for (const [name, value] of settings) {
    if (!values.has(name)) throw new ClickHouseException('UNKNOWN_SETTING', `Unknown setting '${name.slice(0, 128)}'.`);
    if (parserSettings.has(name)) {
      if (parserSettings.get(name)?.has(value) === true) continue;
      throw settingRefused(name);
    }
    const isAsItWas = values.get(name) === value;
    const isAllowed = role === 'writer' ? isAsItWas || !reachesOutside(name) : isReaderSetting(name);
    if (!isAllowed) throw settingRefused(name);
    if (role === 'reader' && name === 'max_memory_usage' && Number(value) > memoryBytesMax) {
      const problem = `Setting ${name} shouldn't be greater than ${memoryBytesMax}.`;
      throw new ClickHouseException('SETTING_CONSTRAINT_VIOLATION', problem);
    }
  }
}

function isReaderSetting(name: string): boolean {
  return readerSettings.has(name) || readerSettingPrefix.test(name);
}

/** An expression of SQL that says for a row of `system.settings` whether a reader may change it. */
export function readerSettingCondition(): string {
  const names = [...readerSettings, ...transportSettings].filter((name) => name !== 'readonly').map(quoteString);
  return `(name IN (${names.join(', ')}) OR match(name, '^output_format_') AND NOT match(name, 'schema|path|file'))`;
}

/** Whether a setting names what is outside of the data directory, or changes the language. */
export function reachesOutside(setting: string): boolean {
  return outsideSetting.test(setting);
}

const outsideSetting = new RegExp(
  [
    // Hold expressions that nobody would have judged; `additional_table_filters` does too, see `RowFilters`.
    '^(?:additional_result_filter|parallel_replicas_custom_key)$',
    '^(?:disk|table_disk|storage_policy|url_base|dialect|default_.*_engine|rename_files_after_processing)$',
    '_path$|_url$|_schema$|_schema_source$|_template_(?:row|resultset)$|_cache_name$|credentials',
    'polyglot|kusto|prql|^implicit_|^dynamic_disk',
  ].join('|'),
);

export function settingRefused(name: string): ClickHouseException {
  return new ClickHouseException('READONLY', `Cannot modify '${name}' setting in readonly mode.`);
}

/** Would make the engine read another language than the guard does, with the values that do not. */
const parserSettings: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    allow_experimental_kusto_dialect: ['0', 'false'],
    allow_experimental_polyglot_dialect: ['0', 'false'],
    allow_experimental_prql_dialect: ['0', 'false'],
    allow_settings_after_format_in_insert: ['0', 'false'],
    dialect: ['clickhouse'],
    implicit_select: ['0', 'false'],
    implicit_table_at_top_level: [''],
    polyglot_dialect: [''],
  }).map(([name, values]) => [name, new Set(values)]),
);

/**
 * What a read-only user may change: how results look, what types there are, and limits. No path, and of expressions
 * only the filters that `RowFilters` judges. None that keeps results for others, or that moves the front's filters.
 */
const readerSettings: ReadonlySet<string> = new Set([
  'additional_table_filters',
  'aggregate_functions_null_for_empty',
  'allow_experimental_dynamic_type',
  'allow_experimental_json_type',
  'allow_experimental_object_type',
  'allow_experimental_time_time64_type',
  'allow_experimental_variant_type',
  'any_join_distinct_right_table_keys',
  'asterisk_include_alias_columns',
  'asterisk_include_materialized_columns',
  'cast_keep_nullable',
  'cast_string_to_dynamic_use_inference',
  'date_time_input_format',
  'date_time_output_format',
  'decimal_check_overflow',
  'describe_compact_output',
  'describe_include_subcolumns',
  'distinct_overflow_mode',
  'empty_result_for_aggregation_by_empty_set',
  'enable_dynamic_type',
  'enable_json_type',
  'enable_time_time64_type',
  'enable_variant_type',
  'except_default_mode',
  'extremes',
  'final',
  'format_csv_delimiter',
  'format_csv_null_representation',
  'group_by_overflow_mode',
  'group_by_use_nulls',
  'intersect_default_mode',
  'join_default_strictness',
  'join_overflow_mode',
  'join_use_nulls',
  'limit',
  'log_comment',
  'low_cardinality_allow_in_native_format',
  'max_block_size',
  'max_bytes_in_join',
  'max_bytes_in_set',
  'max_bytes_to_read',
  'max_bytes_to_sort',
  'max_columns_to_read',
  'max_execution_time',
  'max_memory_usage',
  'max_result_bytes',
  'max_result_rows',
  'max_rows_in_join',
  'max_rows_in_set',
  'max_rows_to_group_by',
  'max_rows_to_read',
  'max_rows_to_sort',
  'max_threads',
  'offset',
  'optimize_aggregation_in_order',
  'output_format_json_quote_64bit_integers',
  'prefer_column_name_to_alias',
  'priority',
  'read_overflow_mode',
  'result_overflow_mode',
  'session_timezone',
  'set_overflow_mode',
  'sort_overflow_mode',
  'timeout_overflow_mode',
  'totals_mode',
  'transform_null_in',
  'union_default_mode',
  'use_client_time_zone',
]);
const readerSettingPrefix = /^output_format_(?!.*(?:schema|path|file))/;
