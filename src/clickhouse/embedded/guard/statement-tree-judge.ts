import { ClickHouseException } from '../clickhouse-exception.js';
import type { FunctionCatalog } from './function-catalog.js';
import type { StatementRules } from './statement-rules.js';
import type { TreeNode } from './syntax-tree.js';
import { hidesExpressions } from './table-structures.js';

export interface JudgedTree {
  readonly isRead: boolean;
  readonly isInsert: boolean;
  /** It writes rows that it has read, as many as there are. */
  readonly movesRows: boolean;
  /** Every name that is a table's, as written: `agent_events`, `system.tables`. */
  readonly tables: readonly string[];
  /** Names beside IN: of a table or of a column. */
  readonly tablesOrColumns: readonly string[];
  /** The literal of `FROM INFILE` in the engine's quotes. */
  readonly infile: string | null;
  readonly hasSettings: boolean;
}

/**
 * Decides on a statement by its syntax tree. Allowed is what is listed: kinds of nodes, functions, table functions,
 * engines. Throws READONLY for a statement of a kind the user has not, ACCESS_DENIED for what is in it.
 */
export function judgeTree(tree: TreeNode, rules: StatementRules, catalog: FunctionCatalog): JudgedTree {
  if (!rules.roots.has(tree.kind)) throw rootRefused(tree, rules);
  const found = new Found();
  const open: PlacedNode[] = [];
  const enter = (parent: TreeNode, above: TreeNode) => {
    for (const [at, node] of parent.children.entries()) open.push({ node, parent, above, at });
  };
  judgeRoot(tree, found);
  enter(tree, tree);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, parent, above } = next;
    if (!rules.nodes.has(node.kind)) throw refused(`${describe(node.kind)} is`);
    if (node.kind === 'Function') judgeFunction(next, rules, catalog);
    if (node.kind === 'Function' && isMembership(node.name)) found.noteMember(node);
    // A function can be given by its name alone: `arrayMap(file, …)`. Elsewhere it is that of a column.
    if (
      node.kind === 'Identifier' &&
      !isValue(parent, above) &&
      catalog.verdict(node.name, rules.functions) === 'refused'
    ) {
      throw refused(`The name ${node.name}, which is a function's, is`);
    }
    if (node.kind === 'SelectWithUnionQuery') found.hasQuery = true;
    if (node.kind === 'TableIdentifier') found.tables.push(node.name);
    if (node.kind === 'Set' && parent.kind !== 'Explain') {
      if (!rules.settings) throw settingsRefused();
      found.hasSettings = true;
    }
    if (node.kind === 'AlterCommand' && !rules.alterations.has(node.name)) throw refused(`ALTER … ${node.name} is`);
    // The names of codecs are not functions that run.
    if (!(node.kind === 'Function' && parent.kind === 'ColumnDeclaration' && node.name === 'CODEC'))
      enter(node, parent);
  }
  const { tables, tablesOrColumns, infile, hasSettings } = found;
  const isInsert = tree.kind === 'InsertQuery';
  const movesRows = isInsert || tree.kind === 'OptimizeQuery' || (tree.kind === 'CreateQuery' && found.hasQuery);
  return { isRead: rules.reads.has(tree.kind), isInsert, movesRows, tables, tablesOrColumns, infile, hasSettings };
}

class Found {
  readonly tables: string[] = [];
  readonly tablesOrColumns: string[] = [];
  infile: string | null = null;
  hasSettings = false;
  hasQuery = false;

  /** `x IN name`: the second argument. */
  noteMember(node: TreeNode): void {
    const member = node.children[0]?.children[1];
    if (member?.kind === 'Identifier') this.tablesOrColumns.push(member.name);
  }
}

function judgeRoot(tree: TreeNode, found: Found): void {
  if (tree.kind === 'Explain' && !explained.has(tree.name)) throw refused(`${tree.name} is`);
  if (tree.kind === 'InsertQuery') {
    found.infile = tree.children.find((node) => node.kind === 'Literal')?.name ?? null;
  }
  if (tree.kind.startsWith('ShowCreate') || tree.kind.startsWith('Exists')) {
    // `ShowCreateTableQuery db table`, `ExistsTableQuery  table`.
    if (!tree.kind.includes('Database')) found.tables.push(tree.name.split(/\s+/).join('.'));
  }
}

interface PlacedNode {
  readonly node: TreeNode;
  readonly parent: TreeNode;
  readonly above: TreeNode;
  /** Its place among the parent's children. */
  readonly at: number;
}

function judgeFunction({ node, parent, at }: PlacedNode, rules: StatementRules, catalog: FunctionCatalog): void {
  const { name } = node;
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw refused(`The function ${describe(name)} is`);
  if (parent.kind === 'InsertQuery') throw refused('Inserting into a table function is');
  if (parent.kind === 'TableExpression' || parent.kind === 'CreateQuery') {
    const known = /^values$/i.test(name) ? 'values' : name;
    if (!rules.tableFunctions.has(known)) throw refused(`The table function ${name} is`);
    if (hidesExpressions({ ...node, name: known })) throw refused(`An expression in the columns of ${name} is`);
    return;
  }
  if (parent.kind === 'Storage' && at === 0) {
    if (!rules.engines.has(name)) throw refused(`The engine ${name} is`);
    return;
  }
  if (parent.kind === 'ColumnDeclaration' && name === 'CODEC') return;
  if (parent.kind === 'Index' && indexTypes.has(name)) return;
  const verdict = catalog.verdict(name, rules.functions);
  if (verdict === 'allowed') return;
  if (verdict === 'unknown') {
    throw new ClickHouseException('UNKNOWN_FUNCTION', `Function with name ${name.slice(0, 256)} does not exist.`);
  }
  throw refused(`The function ${name} is`);
}

/** Whether a name in this place can only be that of a column: not among arguments, or among those of an operator. */
function isValue(parent: TreeNode, above: TreeNode): boolean {
  if (parent.kind === 'OrderByElement') return true;
  if (parent.kind !== 'ExpressionList') return false;
  return (
    above.kind === 'SelectQuery' ||
    above.kind === 'InsertQuery' ||
    (above.kind === 'Function' && takesValues.has(above.name))
  );
}

const takesValues: ReadonlySet<string> = new Set([
  'and',
  'any',
  'concat',
  'count',
  'divide',
  'equals',
  'greater',
  'greaterOrEquals',
  'ilike',
  'isNotNull',
  'isNull',
  'less',
  'lessOrEquals',
  'like',
  'lower',
  'max',
  'min',
  'minus',
  'multiply',
  'not',
  'notEquals',
  'notILike',
  'notLike',
  'or',
  'plus',
  'sum',
  'toString',
  'uniq',
  'uniqExact',
  'upper',
]);

/** `in`, `globalNotIn`, `notNullInIgnoreSet` …: what may have a table for its second argument. */
function isMembership(name: string): boolean {
  return /^(?:global)?(?:not)?(?:null)?in(?:ignoreset)?$/i.test(name);
}

const explained: ReadonlySet<string> = new Set([
  'EXPLAIN',
  'EXPLAIN AST',
  'EXPLAIN ESTIMATE',
  'EXPLAIN PIPELINE',
  'EXPLAIN PLAN',
  'EXPLAIN QUERY TREE',
  'EXPLAIN SYNTAX',
]);

const indexTypes: ReadonlySet<string> = new Set([
  'bloom_filter',
  'minmax',
  'ngrambf_v1',
  'set',
  'sparse_grams',
  'text',
  'tokenbf_v1',
]);

/** Whoever may write is told that the engine cannot: it has no users, roles, policies, backups and transactions. */
function rootRefused({ kind, name }: TreeNode, { settings: mayWrite }: StatementRules): ClickHouseException {
  if (mayWrite && /user|role|policy|quota|profile|grant|access/i.test(`${kind} ${name}`)) {
    const problem = 'The embedded engine has no storage for users, roles, policies, quotas and profiles.';
    return new ClickHouseException('ACCESS_STORAGE_READONLY', problem);
  }
  if (mayWrite) return new ClickHouseException('NOT_IMPLEMENTED', `${describe(kind)} is not supported here.`);
  return new ClickHouseException('READONLY', 'Cannot execute query in readonly mode.');
}

function settingsRefused(): ClickHouseException {
  const advice = 'send settings beside the statement, in the URL';
  return new ClickHouseException('READONLY', `Cannot modify settings in readonly mode: ${advice}.`);
}

function refused(what: string): ClickHouseException {
  return new ClickHouseException('ACCESS_DENIED', `${what} not allowed here.`);
}

function describe(name: string): string {
  if (name === 'ColumnsApplyTransformer') return 'APPLY, which hides the function that it applies,';
  return JSON.stringify(name.slice(0, 64));
}
