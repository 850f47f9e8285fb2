/** What a program told of a feature that it tried. */
export interface Outcome {
  readonly client: string;
  readonly feature: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** In the order of the table in docs/clickhouse-clients.md, with what each stands for. */
export const features = {
  connect: 'a first statement, with the defaults of the client',
  types: 'values of many types come as their own',
  parameters: 'parameters with quotes, lists and dates; long ones where the client makes a form of them',
  insert: 'rows inserted in its own way, and counted',
  compression: 'answers and bodies, in every compression that it has',
  stream: 'a million rows, all of them read',
  error: 'a table that is not there: code and text of the server',
  'error midway': 'a statement that fails when rows are on their way is an error',
  'wrong password': 'code 516, and its text',
  cancel: 'a statement given up ends in the engine too',
  tables: 'tables and columns listed',
  'external data': 'a table sent with the statement',
  'read only': 'a request for nothing to be changed is kept, whoever asks',
} as const;

export interface Suite {
  /** Of the clients, in the columns' order. */
  readonly clients: readonly string[];
  /** Versions, as they are installed. */
  readonly versions: string;
}

export const suites = {
  node: { clients: ['@clickhouse/client'], versions: '1.23.1' },
  python: {
    clients: ['clickhouse-connect', 'SQLAlchemy', 'ibis', 'mcp-clickhouse'],
    versions: '1.12.0, 2.1.9 with the dialect of clickhouse-connect, 12.0.0, 0.7.0',
  },
  dbt: { clients: ['dbt-clickhouse'], versions: '1.10.3 with dbt-core 1.10.23' },
  go: { clients: ['clickhouse-go', 'clickhouse-go, database/sql'], versions: '2.51.0' },
  java: {
    clients: ['client-v2', 'JDBC', "DBeaver's statements (JDBC)", "Metabase's statements (JDBC)"],
    versions: '0.10.0',
  },
  otel: { clients: ['otelcol exporter'], versions: '0.165.0' },
} as const satisfies Readonly<Record<string, Suite>>;

export type SuiteName = keyof typeof suites;
