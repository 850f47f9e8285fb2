import type { PrintedStatement } from './printed-statement.js';

export interface SettingsClause {
  /** Values as a URL would have them; null for DEFAULT. */
  readonly settings: ReadonlyMap<string, string | null>;
  /** The statement without it. */
  readonly rest: string;
}

/**
 * The settings that a statement ends with, before its FORMAT, behind it, or both: `SETTINGS a = 1, b = 'x' FORMAT CSV`.
 * They mean the same beside it, and there they can be judged and set on a connection that is locked afterwards; what
 * stays is judged as a statement of its own. Null when it has none, or one that does not end it: such as that of a
 * subquery, which would undo what the connection is locked to.
 */
export function settingsClauseOf(printed: PrintedStatement): SettingsClause | null {
  const { tokens } = printed;
  const settings = new Map<string, string | null>();
  const clauses: { readonly from: number; readonly to: number }[] = [];
  let depth = 0;
  for (let at = 0; at < tokens.length; at++) {
    const kind = tokens[at]?.[2];
    if (kind !== undefined && opening.has(kind)) depth++;
    if (kind !== undefined && closing.has(kind)) depth--;
    if (depth > 0 || !printed.isWord(at, 'SETTINGS') || tokens[at + 2]?.[2] !== 'Equals') continue;
    const to = readClause(printed, at + 1, settings);
    if (to === null) return null;
    const isLast = to === tokens.length || (printed.isWord(to, 'FORMAT') && isEnd(printed, to + 2));
    if (!isLast) return null;
    clauses.push({ from: at, to });
    at = to - 1;
  }
  if (clauses.length === 0) return null;
  return { settings, rest: withoutClauses(printed, clauses) };
}

/** `a = 1, b = 'x'` from a token to the end; null when it is something else. */
export function assignmentsOf(printed: PrintedStatement, from: number): ReadonlyMap<string, string | null> | null {
  const settings = new Map<string, string | null>();
  return readClause(printed, from, settings) === printed.tokens.length ? settings : null;
}

/** `{'table':'expression', …}` as entries; null when it is no such thing. */
export function mapEntriesOf(printed: PrintedStatement): readonly (readonly [string, string])[] | null {
  const { tokens } = printed;
  const start = tokens.findIndex(([, , kind]) => kind === 'OpeningCurlyBrace');
  const last = tokens.length - 1;
  if (start === -1 || tokens[last]?.[2] !== 'ClosingCurlyBrace') return null;
  const entries: (readonly [string, string])[] = [];
  for (let at = start + 1; at < last; at += 4) {
    const isEntry = kindsFrom(printed, at, 3) === 'StringLiteral Colon StringLiteral';
    const [key, value] = [unquoted(printed.textAt(at)), unquoted(printed.textAt(at + 2))];
    const isParted = at + 3 === last || tokens[at + 3]?.[2] === 'Comma';
    if (!isEntry || !isParted || key === null || value === null) return null;
    entries.push([key, value]);
  }
  return entries;
}

/** Behind `FORMAT x`: nothing, or settings once more. */
function isEnd(printed: PrintedStatement, at: number): boolean {
  return at === printed.tokens.length || printed.isWord(at, 'SETTINGS');
}

/** Where the clause ends; null for a value of a kind that is not known here. */
function readClause(printed: PrintedStatement, from: number, settings: Map<string, string | null>): number | null {
  for (let at = from; ; at++) {
    if (kindsFrom(printed, at, 2) !== 'BareWord Equals') return null;
    const value = readValue(printed, at + 2);
    if (value === null) return null;
    settings.set(printed.textAt(at), value.text);
    at = value.end;
    if (printed.tokens[at]?.[2] !== 'Comma') return at;
  }
}

function readValue(
  printed: PrintedStatement,
  at: number,
): { readonly text: string | null; readonly end: number } | null {
  const kind = printed.tokens[at]?.[2];
  if (kind === 'Number') return { text: printed.textAt(at), end: at + 1 };
  if (kindsFrom(printed, at, 2) === 'Minus Number') return { text: `-${printed.textAt(at + 1)}`, end: at + 2 };
  if (kind === 'StringLiteral') {
    const text = unquoted(printed.textAt(at));
    return text === null ? null : { text, end: at + 1 };
  }
  if (kind === 'BareWord') {
    const word = printed.textAt(at);
    if (/^(?:true|false)$/i.test(word)) return { text: word.toLowerCase(), end: at + 1 };
    return word.toUpperCase() === 'DEFAULT' ? { text: null, end: at + 1 } : null;
  }
  return kind === 'OpeningCurlyBrace' || kind === 'OpeningSquareBracket' ? readBrackets(printed, at) : null;
}

function readBrackets(printed: PrintedStatement, from: number) {
  let depth = 0;
  for (let at = from; at < printed.tokens.length; at++) {
    const kind = printed.tokens[at]?.[2] ?? '';
    if (opening.has(kind)) depth++;
    if (closing.has(kind) && --depth === 0) return { text: printed.between(from, at), end: at + 1 };
  }
  return null;
}

function withoutClauses(
  printed: PrintedStatement,
  clauses: readonly { readonly from: number; readonly to: number }[],
): string {
  const pieces: string[] = [];
  let at = 0;
  for (const { from, to } of [...clauses, { from: printed.tokens.length, to: printed.tokens.length }]) {
    if (from > at) pieces.push(printed.between(at, from - 1));
    at = to;
  }
  return pieces.join(' ');
}

function kindsFrom(printed: PrintedStatement, at: number, count: number): string {
  return printed.tokens
    .slice(at, at + count)
    .map(([, , kind]) => kind)
    .join(' ');
}

/** A literal as the engine prints it; null when there is an escape that it does not print. */
function unquoted(literal: string): string | null {
  if (!literal.startsWith("'")) return null;
  const inner = literal.slice(1, -1);
  if (/\\[^\\'bfnrt0av]/.test(inner.replaceAll('\\\\', ''))) return null;
  return inner.replaceAll(/\\(.)/g, (_, escaped: string) => escapes[escaped] ?? escaped);
}

const escapes: Readonly<Record<string, string>> = {
  0: '\0',
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

const opening: ReadonlySet<string> = new Set(['OpeningRoundBracket', 'OpeningSquareBracket', 'OpeningCurlyBrace']);
const closing: ReadonlySet<string> = new Set(['ClosingRoundBracket', 'ClosingSquareBracket', 'ClosingCurlyBrace']);
