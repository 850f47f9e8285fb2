import { ok, strictEqual } from 'node:assert/strict';
import { ClickHouseException } from '../../../src/clickhouse/embedded/clickhouse-exception.js';
import { FunctionCatalog } from '../../../src/clickhouse/embedded/guard/function-catalog.js';
import { PrintedStatement, type PrintedToken } from '../../../src/clickhouse/embedded/guard/printed-statement.js';
import { readerRules, writerRules } from '../../../src/clickhouse/embedded/guard/statement-rules.js';
import { judgeTree } from '../../../src/clickhouse/embedded/guard/statement-tree-judge.js';
import { parseTree, type TreeNode } from '../../../src/clickhouse/embedded/guard/syntax-tree.js';
import type { FuzzTarget } from '../fuzz-target.js';

const entry = (name: string, category: string, isAggregate = false) => ({
  name,
  aliasTo: '',
  category,
  isAggregate,
  isCaseInsensitive: name === 'sum' || name === 'file',
});
const catalog = new FunctionCatalog(
  [
    entry('sum', 'Aggregate Functions', true),
    entry('quantile', 'Aggregate Functions', true),
    entry('plus', 'Arithmetic'),
    entry('in', 'Other'),
    entry('file', 'Other'),
    entry('sleep', 'Other'),
    { ...entry('fichier', 'Other'), aliasTo: 'file' },
    entry('formatRow', 'String'),
  ],
  ['If', 'OrNull', 'State', 'Merge', 'Array'],
);

/** Lines as `EXPLAIN AST` tells them, whoever made them, and behind a form feed a statement as it is printed. */
export function openTarget(): FuzzTarget {
  return {
    run(bytes) {
      const [told = '', printed = ''] = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
        .toString('utf8')
        .split('\f', 2);
      const lines = told === '' ? [] : told.split('\n');
      const tree = refusable(() => parseTree(lines));
      if (tree !== null) {
        strictEqual(countNodes(tree), lines.length, 'a line went missing');
        for (const rules of [readerRules, writerRules]) {
          const judged = refusable(() => judgeTree(tree, rules, catalog));
          if (judged !== null) checkPassed(tree, rules);
        }
      }
      checkPrinted(printed);
      return undefined;
    },
    seeds: () => [...trees, ...statements.map((sql) => `${trees[0]}\f${sql}`)],
    words,
    bytesMax: 8_192,
    isTimed: true,
  };
}

function refusable<Result>(run: () => Result): Result | null {
  try {
    return run();
  } catch (error) {
    if (error instanceof ClickHouseException && error.code !== 1002) return null;
    throw error;
  }
}

function countNodes(tree: TreeNode): number {
  let count = 0;
  const open = [tree];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    count++;
    open.push(...node.children);
  }
  return count;
}

/** Said in another way: nothing that may open a file is in a tree that passed. */
function checkPassed(tree: TreeNode, rules: typeof readerRules): void {
  const open = tree.children.map((node) => ({ node, parent: tree }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, parent } = next;
    ok(rules.nodes.has(node.kind), node.kind);
    const names = node.kind === 'Function' || node.kind === 'Identifier';
    ok(!names || !/^(?:file|fichier|sleep|formatRow)$/i.test(node.name) || rules === writerRules, node.name);
    if (node.kind === 'Function' && parent.kind === 'ColumnDeclaration' && node.name === 'CODEC') continue;
    for (const child of node.children) open.push({ node: child, parent: node });
  }
}

function checkPrinted(sql: string): void {
  const printed = new PrintedStatement(sql, tokensOf(sql));
  const { firstWords, kill, format } = printed;
  ok(firstWords.length <= 4 && (kill === null || sql.includes(kill.condition)));
  const redirected = printed.toRun({ queryId: "'id'", tables: new Map(), outfile: { path: "'p'", format: 'TSV' } });
  ok(redirected.includes("INTO OUTFILE 'p' TRUNCATE"));
  ok(format === null || sql.includes(format));
  ok([printed.namesOutfile, printed.hasEscapedName, printed.takesNames].every((said) => typeof said === 'boolean'));
  ok(printed.assignedWords.every((word) => sql.includes(word)));
}

/** As the engine's lexer would: enough to tell words, quotes and brackets apart. */
function tokensOf(sql: string): PrintedToken[] {
  const tokens: PrintedToken[] = [];
  let end = 0;
  for (const [text] of sql.slice(0, 1_024).matchAll(/\w+|`[^`]*`|'[^']*'|\s+|\S/gu)) {
    const start = end;
    end += Buffer.byteLength(text);
    if (!/^\s/.test(text)) tokens.push([start, end, kindOf(text)]);
  }
  return tokens;
}

function kindOf(text: string): string {
  if (/^\w/.test(text)) return 'BareWord';
  if (text.startsWith('`')) return 'QuotedIdentifier';
  return kinds[text] ?? 'StringLiteral';
}

const kinds: Readonly<Record<string, string>> = {
  '(': 'OpeningRoundBracket',
  ')': 'ClosingRoundBracket',
  '=': 'Equals',
};

const words = [
  'SelectWithUnionQuery (children 1)',
  'ExpressionList (children 1)',
  'SelectQuery (children 2)',
  'Function ',
  'Identifier ',
  'Literal ',
  'TableIdentifier ',
  'TableExpression (children 1)',
  'ColumnsApplyTransformer',
  'InsertQuery',
  'Storage definition (children 1)',
  ' (alias ',
  ' (children ',
  'sumIfOrNullState',
  'FORMAT ',
  'SETTINGS ',
  'INTO OUTFILE ',
  'Identifier}',
];

const trees = [
  [
    'SelectWithUnionQuery (children 1)',
    ' ExpressionList (children 1)',
    '  SelectQuery (children 2)',
    '   ExpressionList (children 1)',
    '    Function sumIf (alias p) (children 1)',
    '     ExpressionList (children 1)',
    '      Identifier duration_ms',
    '   TablesInSelectQuery (children 1)',
    '    TablesInSelectQueryElement (children 1)',
    '     TableExpression (children 1)',
    '      TableIdentifier agent_events',
  ].join('\n'),
  'Explain EXPLAIN SYNTAX (children 1)\n SelectWithUnionQuery (children 1)\n  ExpressionList\n',
  'ShowCreateTableQuery db table',
  "InsertQuery   t (children 2)\n Literal 'x'\n TableIdentifier t",
  'CreateQuery  t (children 2)\n Storage definition (children 1)\n  Function MergeTree\n Columns definition',
  'AlterQuery  t (children 1)\n ExpressionList (children 1)\n  AlterCommand DROP_COLUMN',
  'SelectQuery (children 1)\n Function in (children 1)\n  ExpressionList (children 2)\n   Literal 1\n   Identifier t',
];
const statements = [
  'SELECT 1 FORMAT JSON',
  'SELECT a FROM t SETTINGS max_threads = 1',
  "SELECT (1) FORMAT `JSON` SETTINGS x = 'y'",
  'SHOW FULL COLUMNS FROM t',
  "SELECT {x:Identifier} INTO OUTFILE 'x'",
  'KILL QUERY WHERE 1 SYNC',
];
