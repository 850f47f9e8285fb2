import type { SourceFile, TextFile, VisitorObject } from '../support/source-file.js';

/** One small change of one file, by which the product is wrong: a test must notice. */
export interface Mutant {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  /** What is replaced, as offsets in the text. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** What was there and what is there now, on one line. */
  readonly says: string;
}

/** The text with the change made. */
export function mutated({ text }: TextFile, mutant: Mutant): string {
  return text.slice(0, mutant.start) + mutant.text + text.slice(mutant.end);
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Collects changes of one file; each place and replacement once. */
export class MutantList {
  readonly #file: TextFile;
  readonly #mutants = new Map<string, Mutant>();

  constructor(file: TextFile) {
    this.#file = file;
  }

  add({ start, end }: Span, replacement: string): void {
    const { path, text } = this.#file;
    const before = text.slice(start, end);
    if (before === replacement) return;
    const line = text.slice(0, start).split('\n').length;
    const says = `${shortened(before)} → ${replacement === '' ? 'nothing' : shortened(replacement)}`;
    this.#mutants.set(`${start} ${end} ${replacement}`, { path, line, start, end, text: replacement, says });
  }

  /** All but those within a span that is left alone, by their place. */
  outside(spared: readonly Span[]): Mutant[] {
    const isSpared = (mutant: Mutant) => spared.some(({ start, end }) => mutant.start >= start && mutant.end <= end);
    return [...this.#mutants.values()].filter((mutant) => !isSpared(mutant)).sort((a, b) => a.start - b.start);
  }
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= 70 ? line : `${line.slice(0, 66)} ...`;
}

const comparisons: Readonly<Record<string, readonly string[]>> = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
};
const arithmetic: Readonly<Record<string, string>> = { '+': '-', '-': '+', '*': '/', '/': '*', '%': '*', '&': '|' };
const assignments: Readonly<Record<string, string>> = { '+=': '-=', '-=': '+=', '??=': '=', '|=': '&=' };
/** By the name of what is called. */
const methods: ReadonlyMap<string, string> = new Map([
  ['min', 'max'],
  ['max', 'min'],
  ['some', 'every'],
  ['every', 'some'],
  ['floor', 'ceil'],
  ['ceil', 'floor'],
  ['shift', 'pop'],
  ['findLast', 'find'],
]);
const codePattern = /^[a-z][a-z0-9]*([_.][a-z0-9]+)*$/;

/**
 * The changes of a TypeScript file that its tests are asked about: comparisons at their bounds and turned round,
 * arithmetic, conditions that never hold, connectives, statements left out, numbers one off, codes and labels of
 * another name, two values of an object exchanged. Left alone is what no behaviour shows: types, imports, the log, the
 * text of an error, and what is stated to be impossible.
 */
export function sourceMutants(file: SourceFile): Mutant[] {
  const list = new MutantList(file);
  const spared: Span[] = [];
  file.visit(whatIsLeftAlone(file, spared));
  file.visit(changesOfOperators(file, list));
  file.visit(changesOfStatements(file, list));
  file.visit(changesOfValues(file, list));
  return list.outside(spared);
}

function whatIsLeftAlone({ text }: SourceFile, spared: Span[]): VisitorObject {
  const spare = (node: Span): void => void spared.push(node);
  return {
    ImportDeclaration: spare,
    TSTypeAnnotation: spare,
    TSInterfaceDeclaration: spare,
    TSTypeAliasDeclaration: spare,
    TSTypeParameterInstantiation: spare,
    TSTypeParameterDeclaration: spare,
    TSLiteralType: spare,
    NewExpression(node) {
      if (/Error$|Problem$/.test(text.slice(node.callee.start, node.callee.end))) spare(node);
    },
    CallExpression({ callee, start, end }) {
      const called = text.slice(callee.start, callee.end);
      // With the semicolon of its statement.
      if (called === 'invariant' || /(^|\.|#)logger\./.test(called)) spare({ start, end: end + 1 });
    },
  };
}

function changesOfOperators({ text }: SourceFile, list: MutantList): VisitorObject {
  const between = (left: Span, operator: string, right: Span): Span => {
    const start = text.indexOf(operator, left.end);
    return start < 0 || start >= right.start ? left : { start, end: start + operator.length };
  };
  return {
    BinaryExpression({ left, right, operator }) {
      const place = between(left, operator, right);
      for (const other of comparisons[operator] ?? []) list.add(place, other);
      const other = arithmetic[operator];
      const isText = [left, right].some((side) => side.type === 'TemplateLiteral' || /^['"`]/.test(text[side.start]!));
      if (other !== undefined && !isText) list.add(place, other);
    },
    LogicalExpression({ left, right, operator }) {
      if (operator === '??') list.add({ start: left.end, end: right.end }, '');
      else list.add(between(left, operator, right), operator === '&&' ? '||' : '&&');
    },
    UnaryExpression(node) {
      if (node.operator === '!') list.add({ start: node.start, end: node.argument.start }, '');
    },
    UpdateExpression({ start, end, operator, prefix }) {
      const place = prefix ? { start, end: start + 2 } : { start: end - 2, end };
      list.add(place, operator === '++' ? '--' : '++');
    },
    AssignmentExpression({ left, right, operator }) {
      const other = assignments[operator];
      if (other !== undefined) list.add(between(left, operator, right), other);
    },
  };
}

function changesOfStatements({ text }: SourceFile, list: MutantList): VisitorObject {
  return {
    IfStatement: ({ test }) => list.add(test, 'false'),
    ConditionalExpression: ({ test }) => list.add(test, `!(${text.slice(test.start, test.end)})`),
    ExpressionStatement(node) {
      const isSuper = text.startsWith('super(', node.start);
      const isEffect = /^(Call|Assignment|Update|Await)Expression$/.test(node.expression.type);
      if (isEffect && !isSuper) list.add(node, ';');
    },
    CallExpression({ callee }) {
      const property = callee.type === 'MemberExpression' ? callee.property : null;
      const other = property?.type === 'Identifier' ? methods.get(property.name) : undefined;
      if (property !== null && other !== undefined) list.add(property, other);
    },
  };
}

function changesOfValues({ text }: SourceFile, list: MutantList): VisitorObject {
  return {
    Literal(node) {
      if (typeof node.value === 'boolean') list.add(node, String(!node.value));
      else if (typeof node.value === 'number') list.add(node, String(node.value + 1));
      else if (typeof node.value === 'string' && codePattern.test(node.value)) list.add(node, `'${node.value}_other'`);
    },
    ObjectExpression({ properties }) {
      const [first, second] = properties;
      if (properties.length !== 2 || first?.type !== 'Property' || second?.type !== 'Property') return;
      const names = [first, second].map(({ key }) => text.slice(key.start, key.end)) as [string, string];
      const values = [first, second].map(({ value }) => text.slice(value.start, value.end)) as [string, string];
      const isPlain = values.every((value) => /^[#\w.]+$/.test(value)) && !first.computed && !second.computed;
      if (!isPlain) return;
      list.add({ start: first.start, end: second.end }, `${names[0]}: ${values[1]}, ${names[1]}: ${values[0]}`);
    },
  };
}
