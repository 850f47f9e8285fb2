import type { TreeNode } from './syntax-tree.js';

/**
 * A preview is what a client sends to see what a table looks like: `SELECT * FROM agent_runs LIMIT 100`, columns of one
 * table and a limit, and nothing else. The rows of a view that groups are then wanted from the first groups alone.
 */
export function isPreview(tree: TreeNode): boolean {
  if (tree.kind !== 'SelectWithUnionQuery') return false;
  const [list] = tree.children;
  const [select, ...more] = list?.children ?? [];
  if (select?.kind !== 'SelectQuery' || more.length > 0) return false;
  const [columns, tables, ...rest] = select.children;
  const [limit] = rest;
  return (
    columns?.kind === 'ExpressionList' &&
    columns.children.every(({ kind }) => kind === 'Asterisk' || kind === 'Identifier') &&
    tables?.kind === 'TablesInSelectQuery' &&
    isOneTable(tables) &&
    limit !== undefined &&
    isFewRows(limit) &&
    rest.every((node) => node.kind === 'Set' || isFewRows(node))
  );
}

function isOneTable({ children }: TreeNode): boolean {
  const [element, ...more] = children;
  const [table] = element?.children ?? [];
  const [named] = table?.children ?? [];
  return more.length === 0 && table?.children.length === 1 && named?.kind === 'TableIdentifier';
}

const previewRowsMax = 10_000;

/** `Literal UInt64_100`: of LIMIT, or of OFFSET. */
function isFewRows({ kind, name }: TreeNode): boolean {
  const rows = /^UInt64_([0-9]+)$/.exec(name)?.[1];
  return kind === 'Literal' && rows !== undefined && Number(rows) <= previewRowsMax;
}
