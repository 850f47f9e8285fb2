/** What a kind of user may have in a statement, beside the functions; see `statement-tree-judge`. */
export interface StatementRules {
  /** Kinds of the root that change nothing, and all that may be a root. */
  readonly reads: ReadonlySet<string>;
  readonly roots: ReadonlySet<string>;
  /** Kinds of the other nodes. */
  readonly nodes: ReadonlySet<string>;
  /** Functions beside those everybody may use. */
  readonly functions: ReadonlySet<string>;
  readonly tableFunctions: ReadonlySet<string>;
  /** Of tables and databases. */
  readonly engines: ReadonlySet<string>;
  /** Subjects of `ALTER` and `SYSTEM`. */
  readonly alterations: ReadonlySet<string>;
  readonly systemVerbs: ReadonlySet<string>;
  /** Whether a statement may have settings of its own. */
  readonly settings: boolean;
}

const none: ReadonlySet<string> = new Set();

const readRoots = [
  'DescribeQuery',
  'ExistsDatabaseQuery',
  'ExistsTableQuery',
  'ExistsViewQuery',
  'Explain',
  'SelectIntersectExceptQuery',
  'SelectQuery',
  'SelectWithUnionQuery',
  'ShowColumns',
  'ShowCreateDatabaseQuery',
  'ShowCreateTableQuery',
  'ShowCreateViewQuery',
  'ShowEngineQuery',
  'ShowFunctions',
  'ShowSetting',
  'ShowTables',
];

/**
 * All that a SELECT consists of. `ColumnsApplyTransformer` is not among them: it hides the function that it applies.
 * Nor is `QueryParameter`: whoever makes a tree has put the values in.
 */
const readNodes = [
  'ArrayJoin',
  'Asterisk',
  'Collation',
  'ColumnsExceptTransformer',
  'ColumnsListMatcher',
  'ColumnsRegexpMatcher',
  'ColumnsReplaceTransformer',
  'ColumnsReplaceTransformer::Replacement',
  'ColumnsTransformerList',
  'ExpressionList',
  'Function',
  'Identifier',
  'InterpolateElement',
  'Literal',
  'OrderByElement',
  'QualifiedAsterisk',
  'QualifiedColumnsListMatcher',
  'QualifiedColumnsRegexpMatcher',
  'SampleRatio',
  'SelectIntersectExceptQuery',
  'SelectQuery',
  'SelectWithUnionQuery',
  'Set',
  'Subquery',
  'TableExpression',
  'TableIdentifier',
  'TableJoin',
  'TablesInSelectQuery',
  'TablesInSelectQueryElement',
  'WindowDefinition',
  'WindowListElement',
  'WithElement',
];

const computedTables = [
  'generateRandom',
  'generateSeries',
  'generate_series',
  'null',
  'numbers',
  'numbers_mt',
  'primes',
  'values',
  'zeros',
  'zeros_mt',
];

export const readerRules: StatementRules = {
  reads: new Set(readRoots),
  // KILL of queries alone, and there of one's own; see `StatementGuard`.
  roots: new Set([...readRoots, 'KillQueryQuery', 'Set', 'UseQuery']),
  nodes: new Set(readNodes),
  functions: none,
  tableFunctions: new Set(computedTables),
  engines: none,
  alterations: none,
  systemVerbs: none,
  settings: false,
};

/** Whoever has the writer's password may do what he likes with the tables, and nothing outside of them. */
export const writerRules: StatementRules = {
  reads: new Set([...readRoots, 'CheckQuery', 'ShowProcesslistQuery']),
  roots: new Set([
    ...readRoots,
    'AlterQuery',
    'CheckQuery',
    'CreateQuery',
    'DeleteQuery',
    'DetachQuery',
    'DropQuery',
    'InsertQuery',
    'KillQueryQuery',
    'OptimizeQuery',
    'Rename',
    'SYSTEM',
    'Set',
    'ShowProcesslistQuery',
    'TruncateQuery',
    'UndropQuery',
    'UpdateQuery',
    'UseQuery',
  ]),
  nodes: new Set([
    ...readNodes,
    'AlterCommand',
    'Assignment',
    'ColumnDeclaration',
    'Columns',
    'Constraint',
    'DataType',
    'Index',
    'NameTypePair',
    'Partition',
    'Projection',
    'ProjectionSelectQuery',
    'Statistics',
    'Storage',
    'StorageOrderByElement',
    'TTLElement',
    'ViewTargets',
  ]),
  functions: new Set([
    'FQDN',
    'blockNumber',
    'blockSize',
    'buildId',
    'connectionId',
    'formatRow',
    'formatRowNoNewline',
    'hasColumnInTable',
    'highlightQuery',
    'hostName',
    'joinGet',
    'joinGetOrNull',
    'partitionId',
    'shardCount',
    'shardNum',
    'sleep',
    'sleepEachRow',
    'structureToCapnProtoSchema',
    'structureToProtobufSchema',
  ]),
  tableFunctions: new Set([...computedTables, 'format', 'loop', 'merge', 'mergeTreeIndex', 'view', 'viewExplain']),
  engines: new Set([
    'AggregatingMergeTree',
    'Atomic',
    'Buffer',
    'CoalescingMergeTree',
    'CollapsingMergeTree',
    'GenerateRandom',
    'GraphiteMergeTree',
    'Join',
    'Log',
    'Memory',
    'Merge',
    'MergeTree',
    'Null',
    'ReplacingMergeTree',
    'Set',
    'StripeLog',
    'SummingMergeTree',
    'TinyLog',
    'VersionedCollapsingMergeTree',
    'View',
  ]),
  alterations: new Set([
    'ADD_COLUMN',
    'ADD_CONSTRAINT',
    'ADD_INDEX',
    'ADD_PROJECTION',
    'ADD_STATISTICS',
    'APPLY_DELETED_MASK',
    'ATTACH_PARTITION',
    'CLEAR_COLUMN',
    'CLEAR_INDEX',
    'COMMENT_COLUMN',
    'DELETE',
    'DROP_COLUMN',
    'DROP_CONSTRAINT',
    'DROP_DETACHED_PARTITION',
    'DROP_INDEX',
    'DROP_PARTITION',
    'DROP_PROJECTION',
    'DROP_STATISTICS',
    'MATERIALIZE_COLUMN',
    'MATERIALIZE_INDEX',
    'MATERIALIZE_PROJECTION',
    'MATERIALIZE_STATISTICS',
    'MATERIALIZE_TTL',
    'MODIFY_COLUMN',
    'MODIFY_COMMENT',
    'MODIFY_ORDER_BY',
    'MODIFY_QUERY',
    'MODIFY_SETTING',
    'MODIFY_STATISTICS',
    'MODIFY_TTL',
    'REMOVE_SAMPLE_BY',
    'REMOVE_TTL',
    'RENAME_COLUMN',
    'REPLACE_PARTITION',
    'RESET_SETTING',
    'UPDATE',
  ]),
  systemVerbs: new Set(['CLEAR', 'DROP', 'FLUSH', 'START', 'STOP', 'SYNC', 'WAIT']),
  settings: true,
};
