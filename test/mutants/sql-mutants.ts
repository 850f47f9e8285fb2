import type { SourceFile, TextFile } from '../support/source-file.js';
import { type Mutant, MutantList } from './mutant.js';

/** What is exchanged in a statement, as a whole word or operator. */
const exchanges: readonly (readonly [find: RegExp, replacement: string])[] = [
  [/ FINAL\b/g, ''],
  [/\bmax\(/g, 'min('],
  [/\bmin\(/g, 'max('],
  [/\bmaxIf\(/g, 'minIf('],
  [/\bminIf\(/g, 'maxIf('],
  [/\bargMax\(/g, 'argMin('],
  [/\bargMin\(/g, 'argMax('],
  [/\bargMaxIf\(/g, 'argMinIf('],
  [/\bsum\(/g, 'max('],
  [/\buniqExact\(/g, 'count('],
  [/\bcountIf\(/g, 'sum(1 + 0 * '],
  [/\bDESC\b/g, 'ASC'],
  [/\bASC\b/g, 'DESC'],
  [/\bAND\b/g, 'OR'],
  [/\bOR\b/g, 'AND'],
  [/ >= /g, ' > '],
  [/ <= /g, ' < '],
  [/ < /g, ' <= '],
  [/ > /g, ' >= '],
  [/ != /g, ' = '],
  [/(?<=\S) - (?=\S)/g, ' + '],
  [/(?<=[\w)]) \+ (?=[\w(])/g, ' - '],
  [/\bNOT /g, ''],
  [/\bIS NOT NULL\b/g, 'IS NULL'],
  [/ HAVING /g, ' HAVING NOT '],
  [/ DISTINCT\b/g, ''],
];

const statementPattern = /\b(SELECT|FROM|WHERE|GROUP BY|ORDER BY)\b/;

/** Changes of the statements in a file: a `.sql` file, or the texts of a TypeScript file that hold one. */
export function sqlMutants(file: TextFile | SourceFile): Mutant[] {
  const list = new MutantList(file);
  const spared: { readonly start: number; readonly end: number }[] = [];
  if ('visit' in file) {
    file.visit({
      TemplateElement: ({ start, end }) => exchange(file.text, { start, end }, list),
      Literal: ({ start, end, value }) => {
        if (typeof value === 'string') exchange(file.text, { start, end }, list);
      },
    });
  } else {
    const end = file.text.search(/^-- down/m);
    exchange(file.text, { start: 0, end: end < 0 ? file.text.length : end }, list);
    for (const { index, 0: comment } of file.text.matchAll(/--.*$/gm)) {
      spared.push({ start: index, end: index + comment.length });
    }
  }
  return list.outside(spared);
}

function exchange(
  text: string,
  { start, end }: { readonly start: number; readonly end: number },
  list: MutantList,
): void {
  const part = text.slice(start, end);
  if (!statementPattern.test(part)) return;
  for (const [find, replacement] of exchanges) {
    for (const { index, 0: found } of part.matchAll(find)) {
      list.add({ start: start + index, end: start + index + found.length }, replacement);
    }
  }
}
