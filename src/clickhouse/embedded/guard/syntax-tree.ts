import { ClickHouseException } from '../clickhouse-exception.js';

/**
 * A statement's syntax tree, as `EXPLAIN AST` tells it: a line a node, a blank a level,
 *
 *     Function quantile (alias p) (children 2)
 *      ExpressionList (children 1)
 *       Identifier duration_ms
 *
 * that is the node's kind, what it names, its alias and how many nodes are below it. Values are quoted with escapes,
 * names are not: whoever reads the tree has made sure before that no name has a line break in it.
 */
export interface TreeNode {
  /** The first word: `Function`, `TableIdentifier`, `Storage` (of `Storage definition`). */
  readonly kind: string;
  /** What follows it, without alias and count; empty when nothing does. */
  readonly name: string;
  readonly children: readonly TreeNode[];
}

/** Throws ACCESS_DENIED when the lines are no tree: what cannot be read is not allowed. */
export function parseTree(lines: readonly string[]): TreeNode {
  const root: OpenNode = { kind: '', name: '', children: [], expected: 1 };
  const path: OpenNode[] = [root];
  for (const line of lines) {
    const node = parseLine(line);
    const depth = indentOf(line);
    if (depth >= path.length) throw unreadable();
    path.length = depth + 1;
    path[depth]?.children.push(node);
    path.push(node);
    if (path[depth] === root && root.children.length > 1) throw unreadable();
  }
  const [tree] = root.children;
  if (tree === undefined || !isWhole(root)) throw unreadable();
  return tree;
}

interface OpenNode extends TreeNode {
  readonly children: OpenNode[];
  readonly expected: number;
}

function parseLine(line: string): OpenNode {
  const text = line.trimStart();
  const counted = /^([\s\S]*) \(children ([0-9]+)\)$/.exec(text);
  const named = counted?.[1] ?? text;
  const [, kind = '', rest = ''] = /^(\S+)(?: ([\s\S]*))?$/.exec(named) ?? [];
  const aliasAt = rest.indexOf('(alias ');
  const name = (aliasAt === -1 ? rest : rest.slice(0, aliasAt)).trim();
  return { kind, name, children: [], expected: Number(counted?.[2] ?? 0) };
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** Every node has as many below it as it says. */
function isWhole(root: OpenNode): boolean {
  const open = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.children.length !== node.expected) return false;
    for (const child of node.children) open.push(child);
  }
  return true;
}

function unreadable(): ClickHouseException {
  return new ClickHouseException('ACCESS_DENIED', 'The statement is not allowed: its syntax tree cannot be read.');
}
