import { quoteIdentifier, quoteString } from '../../sql-text.js';
import type { ChdbEngine } from '../chdb-engine.js';
import { ClickHouseException } from '../clickhouse-exception.js';
import { preludeOf } from '../statements/connection-prelude.js';
import { PassedStatements } from './passed-statements.js';
import type { ReaderTables } from './reader-tables.js';
import { mapEntriesOf } from './settings-clause.js';
import type { StatementRules } from './statement-rules.js';
import { judgeTree } from './statement-tree-judge.js';
import { parseTree, type TreeNode } from './syntax-tree.js';

export interface FilterRequest {
  /** The value of `additional_table_filters`, as sent. */
  readonly value: string;
  /** Current database. */
  readonly database: string;
  readonly rules: StatementRules;
  /** Of a reader: what he may name, and what a filter may be on. */
  readonly tables: ReaderTables | null;
  readonly isLocked: boolean;
}

/**
 * Filters that a client puts on tables beside its statement, as Grafana's ad-hoc filters do. Each holds an expression
 * that the engine runs, so each is judged as the WHERE of a SELECT on that table, and what runs is what the engine
 * printed of it. It reads no table, or the filter of that would be run in it. A reader's are for what is open to him
 * alone: those on tables behind the views are the front's, and the engine takes the first that fits a table, so his
 * come after them.
 */
export class RowFilters {
  readonly #engine: ChdbEngine;
  readonly #passed = new PassedStatements<string>();

  constructor(engine: ChdbEngine) {
    this.#engine = engine;
  }

  /** Entries of the map, without its brackets. Throws BAD_ARGUMENTS, UNKNOWN_TABLE or what the guard does. */
  async check(request: FilterRequest): Promise<string> {
    const { value, database, tables, isLocked } = request;
    const key = JSON.stringify([tables !== null, isLocked, database, value]);
    const known = this.#passed.find(key);
    if (known !== undefined) return known;
    // Only to be read: the value is not part of anything that runs.
    const asked = await this.#engine.print(
      Buffer.from(`SELECT 1 SETTINGS additional_table_filters = ${value}`, 'utf8'),
    );
    const entries = mapEntriesOf(asked);
    if (entries === null || entries.length > filtersMax) throw unreadable();
    const parts: string[] = [];
    for (const [name, condition] of entries) {
      const table = tables === null ? qualified(name, database) : tables.open(name, database);
      parts.push(`${quoteString(table.join('.'))}:${quoteString(await this.#judge(table, condition, request))}`);
    }
    const passed = parts.join(',');
    this.#passed.add(key, passed);
    return passed;
  }

  forget(): void {
    this.#passed.forget();
  }

  /** The condition as the engine prints it. */
  async #judge(table: readonly string[], condition: string, request: FilterRequest): Promise<string> {
    const { database, rules, tables, isLocked } = request;
    const head = `SELECT 1 FROM ${table.map(quoteIdentifier).join('.')} WHERE `;
    const [empty, printed] = await Promise.all([
      this.#engine.print(Buffer.from(`${head}1`, 'utf8')),
      this.#engine.print(Buffer.from(`${head}(${condition}\n)`, 'utf8')),
    ]);
    const start = empty.sql.slice(0, -1);
    if (!printed.sql.startsWith(start) || printed.hasEscapedName || printed.takesNames) throw unreadable();
    const setup = preludeOf({ database, settings: new Map(), parameters: new Map(), isLocked });
    const tree = parseTree(await this.#engine.explainTree(setup, printed.sql));
    if (!isOneCondition(tree)) throw unreadable();
    const judged = judgeTree(tree, { ...rules, settings: false }, await this.#engine.functions());
    if (judged.tables.length > 1) throw unreadable();
    await tables?.check(judged, database);
    return printed.sql.slice(start.length);
  }
}

/** `SELECT 1 FROM t WHERE x` and nothing else: no other clause and no second SELECT came out of the condition. */
function isOneCondition(tree: TreeNode): boolean {
  const [list, ...more] = tree.children;
  const [select, ...others] = list?.children ?? [];
  const kinds = select?.children.map(({ kind }) => kind) ?? [];
  return (
    tree.kind === 'SelectWithUnionQuery' &&
    more.length === 0 &&
    others.length === 0 &&
    select?.kind === 'SelectQuery' &&
    kinds.length === 3 &&
    kinds[0] === 'ExpressionList' &&
    kinds[1] === 'TablesInSelectQuery'
  );
}

function qualified(name: string, database: string): readonly string[] {
  return name.includes('.') ? [name.slice(0, name.indexOf('.')), name.slice(name.indexOf('.') + 1)] : [database, name];
}

function unreadable(): ClickHouseException {
  const form = "{'table': 'condition', …}";
  return new ClickHouseException('BAD_ARGUMENTS', `additional_table_filters must be ${form} with one condition each.`);
}

/** Grafana sends one for each table of a statement. */
const filtersMax = 16;
