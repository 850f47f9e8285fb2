import { quoteIdentifier, quoteString } from '../../sql-text.js';
import type { ChdbEngine } from '../chdb-engine.js';
import type { PrintedStatement } from './printed-statement.js';

/**
 * The columns that data of an INSERT without a list has. On a server EPHEMERAL ones are not among them; here data is
 * inserted from a file, and there the engine expects them. So where a table has any, the statement is made to name the
 * others.
 */
export class InsertColumns {
  readonly #engine: ChdbEngine;
  /** Lists by table, `''` for a table that needs none. */
  readonly #lists = new Map<string, Promise<string>>();

  constructor(engine: ChdbEngine) {
    this.#engine = engine;
  }

  /** The statement with its list; null when it stays as it is. */
  async named(printed: PrintedStatement, current: string): Promise<string | null> {
    const target = targetOf(printed, current);
    if (target === null) return null;
    const { key, end } = target;
    if (this.#lists.size > tablesMax) this.forget();
    const found = this.#lists.get(key) ?? this.#listOf(target);
    this.#lists.set(key, found);
    const list = await found;
    const last = printed.tokens.length - 1;
    return list === '' ? null : `${printed.between(0, end - 1)} (${list}) ${printed.between(end, last)}`;
  }

  /** After a change of the schema. */
  forget(): void {
    this.#lists.clear();
  }

  async #listOf({ database, table }: Target): Promise<string> {
    const columns = await this.#engine.rows<{ readonly name: string; readonly default_kind: string }>(
      `SELECT name, default_kind FROM system.columns WHERE database = ${quoteString(database)}` +
        ` AND table = ${quoteString(table)} AND default_kind NOT IN ('MATERIALIZED', 'ALIAS') ORDER BY position`,
    );
    const stored = columns.filter(({ default_kind }) => default_kind !== 'EPHEMERAL');
    if (stored.length === columns.length) return '';
    return stored.map(({ name }) => quoteIdentifier(name)).join(', ');
  }
}

interface Target {
  readonly key: string;
  readonly database: string;
  readonly table: string;
  /** Of the token behind the table's name. */
  readonly end: number;
}

/** Of `INSERT INTO [database.]table FROM INFILE`, without a list. */
function targetOf(printed: PrintedStatement, current: string): Target | null {
  if (!printed.isWord(0, 'INSERT') || !printed.isWord(1, 'INTO')) return null;
  const isQualified = printed.tokens[3]?.[2] === 'Dot';
  const end = isQualified ? 5 : 3;
  if (!printed.isWord(end, 'FROM') || !printed.isWord(end + 1, 'INFILE')) return null;
  const database = isQualified ? nameAt(printed, 2) : current;
  const table = nameAt(printed, end - 1);
  return { key: `${database}\n${table}`, database, table, end };
}

/** As it is, without quotes. */
function nameAt(printed: PrintedStatement, at: number): string {
  const text = printed.textAt(at);
  return text.startsWith('`') ? text.slice(1, -1).replaceAll(/\\(.)/g, '$1') : text;
}

const tablesMax = 1_000;
