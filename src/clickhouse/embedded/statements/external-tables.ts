import { quoteIdentifier, quoteString } from '../../sql-text.js';
import type { ChdbEngine } from '../chdb-engine.js';
import { ClickHouseException } from '../clickhouse-exception.js';
import type { ExternalData } from '../front/forms/form-parameters.js';

/**
 * Statements that make a table of what came with a request: temporary tables of the connection of the statement, which
 * go with it, filled before it is locked.
 *
 * Structures are read by the engine and by nobody else. They are not given to it as they came: where `file()` takes a
 * list of columns it takes expressions too (`DEFAULT (SELECT …)`), which no guard would have seen. Within `Tuple(…)` it
 * takes names and types alone; what it prints back of them is what it is given.
 */
export async function externalTables(engine: ChdbEngine, external: readonly ExternalData[]): Promise<string[]> {
  const statements: string[] = [];
  for (const data of external) {
    const { name, path, format } = data;
    if (!/^[^\p{Cc}\\]{1,128}$/u.test(name)) {
      throw new ClickHouseException('BAD_ARGUMENTS', 'The name of an external table is not valid.');
    }
    if (!/^[A-Za-z0-9_]{1,64}$/.test(format)) {
      throw new ClickHouseException('UNKNOWN_FORMAT', `Unknown format of the external table ${name}.`);
    }
    const from = [path, format, await columnsOf(engine, data), 'none'].map(quoteString).join(', ');
    // A session may still have the one of its last request.
    statements.push(`DROP TEMPORARY TABLE IF EXISTS ${quoteIdentifier(name)}`);
    statements.push(`CREATE TEMPORARY TABLE ${quoteIdentifier(name)} AS SELECT * FROM file(${from})`);
  }
  return statements;
}

async function columnsOf(engine: ChdbEngine, { name, structure, types }: ExternalData): Promise<string> {
  const said = structure ?? types;
  if (said === null || said.trim() === '') {
    const advice = `Use fields ${name}_structure or ${name}_types to do so`;
    const problem = `Neither structure nor types have been provided for external table ${name}. ${advice}.`;
    throw new ClickHouseException('BAD_ARGUMENTS', problem);
  }
  const value = `defaultValueOfTypeName(${quoteString(`Tuple(${said})`)})`;
  if (structure !== null) {
    const [[tuple = ''] = []] = await asked(engine, name, `SELECT toTypeName(${value})`);
    return tuple.slice('Tuple('.length, -1);
  }
  const columns = await asked(engine, name, `DESCRIBE TABLE (SELECT untuple(${value}))`);
  return columns.map(([, type], at) => `_${at + 1} ${type}`).join(', ');
}

async function asked(engine: ChdbEngine, name: string, sql: string): Promise<string[][]> {
  const { bytes } = await engine.run(typeLimits, sql, 'JSONCompactEachRow').catch((error: unknown) => {
    const { message } = ClickHouseException.from(error);
    const said = message.replace(/:? In scope [\s\S]*$/, '').slice(0, 500);
    const problem = `Error while parsing the structure of the external table ${name}: ${said}.`;
    throw new ClickHouseException('BAD_ARGUMENTS', problem);
  });
  const lines = Buffer.from(bytes).toString('utf8').trimEnd();
  return JSON.parse(`[${lines.replaceAll('\n', ',')}]`) as string[][];
}

/** A type is small and quickly read; `FixedString(1000000000)` has a value of a gigabyte. */
const typeLimits =
  'SET max_parser_backtracks = 100000, max_memory_usage = 67108864, max_execution_time = 5, readonly = 1';
