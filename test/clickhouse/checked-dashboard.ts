import type {
  Dashboard,
  FieldConfig,
  FieldConfigSource,
  Panel,
  RowPanel,
  VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus';
import type { Options as StatOptions } from '@grafana/grafana-foundation-sdk/stat';
import type { FieldConfig as TableColumn, Options as TableOptions } from '@grafana/grafana-foundation-sdk/table';
import type { FieldConfig as Series, Options as SeriesOptions } from '@grafana/grafana-foundation-sdk/timeseries';

/** As it stands in JSON: values of enumerations are written out, and what Grafana has a default for may be missing. */
type Told<T> = T extends string
  ? `${T}`
  : T extends number
    ? `${T}` extends `${infer N extends number}`
      ? N
      : T
    : T extends boolean | null | undefined
      ? T
      : T extends readonly (infer Item)[]
        ? readonly Told<Item>[]
        : { readonly [Field in keyof T]?: Told<T[Field]> };

/** Of Grafana's plugin for ClickHouse, of which the package knows nothing. */
interface ClickHouseQuery {
  readonly datasource: { readonly type: 'grafana-clickhouse-datasource'; readonly uid: string };
  readonly editorType: 'sql';
  readonly queryType: 'table' | 'timeseries';
  readonly format: 0 | 1;
  readonly rawSql: string;
  readonly refId: string;
}

interface PrometheusQuery extends Told<Pick<Dataquery, Exclude<keyof Dataquery, 'datasource' | `_${string}`>>> {
  readonly datasource: { readonly type: 'prometheus'; readonly uid: string };
  readonly expr: string;
  readonly refId: string;
}

/** What the package leaves open, as it depends on the kind of panel. */
interface Kind<Type extends string, Options, Custom> {
  readonly type: Type;
  readonly targets: readonly (ClickHouseQuery | PrometheusQuery)[];
  readonly options?: Told<Options>;
  readonly fieldConfig?: Told<Omit<FieldConfigSource, 'defaults'>> & {
    readonly defaults?: Told<Omit<FieldConfig, 'custom'>> & { readonly custom?: Told<Custom> };
  };
}

type KnownPanel =
  | Kind<'stat', StatOptions, never>
  | Kind<'table', TableOptions, TableColumn>
  | Kind<'timeseries', SeriesOptions, Series>;

type CheckedPanel = Told<Omit<Panel, keyof KnownPanel>> & KnownPanel;

/** A query may be that of a plugin: its form is the plugin's. */
type CheckedVariable = Told<Omit<VariableModel, 'query'>> & { readonly query?: unknown };

/** A dashboard that has nothing but what Grafana knows, as far as its own package of types says what that is. */
export type CheckedDashboard = Told<Omit<Dashboard, 'panels' | 'templating'>> & {
  readonly panels: readonly (CheckedPanel | (Told<RowPanel> & { readonly type: 'row' }))[];
  readonly templating: { readonly list: readonly CheckedVariable[] };
};
