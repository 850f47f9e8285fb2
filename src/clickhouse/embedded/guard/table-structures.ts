import type { TreeNode } from './syntax-tree.js';

/** Table functions that take a list of columns as text. */
const structured: ReadonlySet<string> = new Set(['format', 'generateRandom', 'null', 'values']);

/**
 * Whether the arguments of a table function may bring expressions that stand in no tree: a list of columns in a text
 * may have them (`generateRandom('x String ALIAS file(…)')`, measured with chdb 3.4.0). So the text has to be a
 * literal, since the engine would put one together, and to be without each word that an expression follows; the engine
 * prints a literal with its letters as they are. A value of `values` that has such a word is refused with it.
 */
export function hidesExpressions({ name, children }: TreeNode): boolean {
  if (!structured.has(name)) return false;
  const given = children[0]?.children ?? [];
  return columnsOf(name, given).some(({ kind, name: text }) => {
    if (kind === 'Function') return !(name === 'values' && text === 'tuple');
    return kind !== 'Literal' || expressionWord.test(text);
  });
}

/** Arguments that are, or may be, a list of columns. */
function columnsOf(name: string, given: readonly TreeNode[]): readonly TreeNode[] {
  // format(name, [columns], rows)
  if (name === 'format') return given.slice(1, -1);
  // Of `values` the first may be one, or a row.
  return name === 'values' ? given.slice(0, 1) : given;
}

const expressionWord = /\b(?:alias|check|default|ephemeral|materialized|ttl)\b/i;
