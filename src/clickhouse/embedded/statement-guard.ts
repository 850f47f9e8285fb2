import { ClickHouseException } from './clickhouse-exception.js';
import { isSymbol, isWord, syntaxError } from './sql-head.js';
import { SqlLexer, type Token } from './sql-lexer.js';

/**
 * What a user may run. Three gates stand one behind the other: this one reads the tokens, the engine's own
 * classifier counts and classes the statement, and a reader's connection has `readonly = 1`.
 *
 * None is enough alone (measured, chdb 3.4.0): under `readonly = 1` the scalar function `file('/etc/passwd')`
 * works, also as `* APPLY(file)` and `arrayMap(file, …)`; so do `merge()`, `mergeTreeIndex()`, KILL QUERY and
 * INTO OUTFILE, and `s3()` looks at its URL first. The classifier takes `file()` and `merge()` for reads.
 */
export type Role = 'writer' | 'reader';

/** Classes of chDB's classifier. */
export const statementClass = { read: 0, write: 1, global: 2, control: 3, unknown: 4 } as const;

export interface Classification {
  readonly statementCount: number;
  readonly queryClass: number;
}

/** What the tokens of one statement say. */
export interface StatementShape {
  readonly firstWords: readonly string[];
  /** The format named by the statement, null when it names none. */
  readonly format: string | null;
  readonly isInsert: boolean;
}

export interface GuardedText {
  /** The whole SQL as latin1. */
  readonly text: string;
  readonly role: Role;
  /** Names of the engine's table functions. */
  readonly tableFunctions: ReadonlySet<string>;
  /** Values of the request's parameters, as sent. */
  readonly parameters: readonly string[];
}

/** Throws SYNTAX_ERROR for more than one statement and ACCESS_DENIED for what nobody or not this role may name. */
export function guardTokens({ text, role, tableFunctions, parameters }: GuardedText): StatementShape {
  const lexer = new SqlLexer(text);
  const firstWords: string[] = [];
  let format: string | null = null;
  let depth = 0;
  let ended = false;
  let before: Token | null = null;
  for (let token = lexer.next(); token !== null; token = lexer.next()) {
    if (token.kind === 'foreign') throw syntaxError(token.start, 'a character that is not ASCII outside of quotes');
    if (token.kind === 'unterminated') throw syntaxError(token.start, 'a quote or comment without end');
    if (isSymbol(token, ';')) ended = true;
    else if (ended) throw syntaxError(token.start, 'Multi-statements are not allowed');
    if (firstWords.length < 3) firstWords.push(token.text.toUpperCase());
    if (before !== null) guardPair(before, token, { role, tableFunctions });
    guardName(token, { role, before, parameters });
    if (isSymbol(token, '(')) depth++;
    if (isSymbol(token, ')')) depth--;
    if (depth === 0) {
      if (before !== null && isWord(before, 'FORMAT') && token.kind === 'word') format = token.text;
      if (before !== null && isWord(token, 'INSERT')) throw nestedInsert();
    }
    before = token;
  }
  const isInsert = firstWords[0] === 'INSERT';
  if (role === 'writer') guardControl(firstWords, text);
  return { firstWords, format, isInsert };
}

/** Throws what the class of the statement does not allow to the role. */
export function guardClass(
  found: Classification,
  { role, user }: { readonly role: Role; readonly user: string },
): void {
  if (found.statementCount > 1) throw new ClickHouseException('SYNTAX_ERROR', 'Multi-statements are not allowed.');
  if (role === 'reader' && found.queryClass !== statementClass.read && found.queryClass !== statementClass.unknown) {
    throw new ClickHouseException('READONLY', `${user}: Cannot execute query in readonly mode.`);
  }
}

interface PairContext {
  readonly role: Role;
  readonly tableFunctions: ReadonlySet<string>;
}

function guardPair(before: Token, token: Token, { role, tableFunctions }: PairContext): void {
  if (isWord(before, 'INTO') && isWord(token, 'OUTFILE')) {
    throw new ClickHouseException('ACCESS_DENIED', 'INTO OUTFILE is not allowed here.');
  }
  if (!isSymbol(token, '(') || !isName(before)) return;
  const name = before.text;
  if (role === 'reader' ? readerRefuses(name, tableFunctions) : outsideFunctions.has(name.toLowerCase())) {
    throw new ClickHouseException('ACCESS_DENIED', `The function ${name} is not allowed here.`);
  }
}

/** Table functions that only compute. Any other, known now or added by a later engine, is refused to the reader. */
const harmlessTableFunctions: ReadonlySet<string> = new Set([
  'format',
  'generateRandom',
  'generateSeries',
  'generate_series',
  'null',
  'numbers',
  'numbers_mt',
  'primes',
  'values',
  'view',
  'zeros',
  'zeros_mt',
]);

function readerRefuses(name: string, tableFunctions: ReadonlySet<string>): boolean {
  if (outsideFunctions.has(name.toLowerCase())) return true;
  return tableFunctions.has(name) && !harmlessTableFunctions.has(name);
}

/** Reach the file system, the network or other programs: nobody needs them here. */
const outsideFunctions: ReadonlySet<string> = new Set([
  'catboostevaluate',
  'eval',
  'executable',
  'file',
  'filecluster',
  'filesystem',
  'input',
  'jdbc',
  'mongodb',
  'mysql',
  'odbc',
  'postgresql',
  'python',
  'redis',
  'sqlite',
  'url',
  'urlcluster',
  's3',
  's3cluster',
]);

interface NameContext {
  readonly role: Role;
  readonly before: Token | null;
  readonly parameters: readonly string[];
}

/** A function can be named without being called (`APPLY(file)`), with escapes, or by an Identifier parameter. */
function guardName(token: Token, { role, before, parameters }: NameContext): void {
  if (role !== 'reader') return;
  if (isName(token) && (isOutsideScalar(token.text) || (token.kind === 'identifier' && token.text.includes('\\')))) {
    throw new ClickHouseException('ACCESS_DENIED', `The name ${token.text} is not allowed for a read-only user.`);
  }
  const isType = isName(token) && token.text.toUpperCase() === 'IDENTIFIER';
  if (before === null || !isSymbol(before, ':') || !isType) return;
  if (parameters.some((value) => value.includes('\\') || isOutsideScalar(value))) {
    throw new ClickHouseException('ACCESS_DENIED', 'This name is not allowed for a read-only user.');
  }
}

/** Scalar functions that reach outside. The engine's names are case-sensitive for the most part; `FILE` is a word. */
function isOutsideScalar(name: string): boolean {
  return name === 'file' || outsideScalars.has(name.toLowerCase());
}

const outsideScalars: ReadonlySet<string> = new Set([
  'aiclassify',
  'aiembed',
  'aiextract',
  'aigenerate',
  'aitranslate',
  'catboostevaluate',
]);

/** Statements of the writer that would end the engine, hang it or silently do nothing. */
function guardControl(firstWords: readonly string[], text: string): void {
  const [first = '', second = ''] = firstWords;
  if (first === 'SYSTEM' && ['SHUTDOWN', 'KILL', 'SUSPEND'].includes(second)) {
    throw new ClickHouseException('ACCESS_DENIED', `SYSTEM ${second} is not allowed here.`);
  }
  // The engine keeps a finished query listed until its connection runs the next: SYNC would wait for ever.
  if (first === 'KILL' && /\bSYNC\s*;?\s*$/i.test(text)) {
    throw new ClickHouseException('NOT_IMPLEMENTED', 'KILL … SYNC is not supported by the embedded engine.');
  }
  if (first === 'SET' || first === 'USE' || (first === 'CREATE' && /^TEMP/.test(second))) {
    const advice = 'every request has a connection of its own: send settings and the database with the request';
    throw new ClickHouseException('NOT_IMPLEMENTED', `${first} is not supported by the embedded engine: ${advice}.`);
  }
}

function nestedInsert(): ClickHouseException {
  return new ClickHouseException('NOT_IMPLEMENTED', 'An INSERT inside another statement is not supported here.');
}

function isName(token: Token): boolean {
  return token.kind === 'word' || token.kind === 'identifier';
}
