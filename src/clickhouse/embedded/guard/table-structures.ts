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
  // Of `values` the first may be a list of columns, or a row.
  const texts = name === 'values' ? given.slice(0, 1) : given;
  return texts.some(({ kind, name: text }) => {
    if (kind === 'Function') return !(name === 'values' && text === 'tuple');
    return kind !== 'Literal' ? !(name === 'format' && kind === 'Identifier') : expressionWord.test(text);
  });
}

const expressionWord = /\b(?:alias|check|default|ephemeral|materialized|ttl)\b/i;
