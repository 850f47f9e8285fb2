import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openChdbEngine } from '../src/clickhouse/embedded/chdb-engine.js';
import type { ExportFormat } from '../src/core/ports/store-exporter.js';
import type { RowSums } from './daily-rows.js';

/**
 * Reads an exported file back, with bounded memory, and sums it up. Throws when it is not a file of its format from the
 * first byte to the last, or its rows are not in the order of agent and day.
 */
export async function readExport(path: string, format: ExportFormat): Promise<RowSums> {
  return format === 'parquet' ? await readParquet(path) : await readLines(path, lineReaders[format]());
}

interface DailyRow {
  readonly agent_id: string;
  readonly day: string;
  readonly total: number;
  readonly tokens_in: number;
  readonly cost_micros: number;
}

interface LineReader {
  /** Null for a line that holds no row. */
  row(line: string): DailyRow | null;
  /** Throws when the file is not whole. */
  end(): void;
}

async function readLines(path: string, reader: LineReader): Promise<RowSums> {
  let [rows, executions, tokensIn, costMicros] = [0, 0, 0, 0];
  let before = '';
  for await (const line of createInterface({ input: createReadStream(path, { highWaterMark: 1_048_576 }) })) {
    const row = reader.row(line);
    if (row === null) continue;
    const key = `${row.agent_id} ${row.day}`;
    if (key <= before) throw new Error(`row ${rows + 1}, ${key}, comes after ${before}`);
    before = key;
    rows += 1;
    executions += row.total;
    tokensIn += row.tokens_in;
    costMicros += row.cost_micros;
  }
  reader.end();
  return { rows, executions, tokensIn, costMicros };
}

const lineReaders: Readonly<Record<Exclude<ExportFormat, 'parquet'>, () => LineReader>> = {
  ndjson: () => ({ row: (line) => JSON.parse(line) as DailyRow, end: () => undefined }),
  json: readArray,
  csv: readCsv,
};

/** The engine writes an object a line between two brackets, with a comma behind every object but the last. */
function readArray(): LineReader {
  let state: 'begin' | 'rows' | 'last' | 'end' = 'begin';
  return {
    row(line) {
      if (state === 'begin' && line === '[') state = 'rows';
      else if ((state === 'last' || state === 'rows') && line === ']') state = 'end';
      else if (state === 'rows' && line !== '') {
        if (!line.endsWith(',')) state = 'last';
        return JSON.parse(state === 'last' ? line : line.slice(0, -1)) as DailyRow;
      } else if (line !== '') throw new Error(`no array of objects: ${state}, ${line.slice(0, 100)}`);
      return null;
    },
    end() {
      if (state !== 'end') throw new Error('the array has no end');
    },
  };
}

function readCsv(): LineReader {
  let names: readonly string[] | null = null;
  return {
    row(line) {
      const values = csvValues(line);
      if (names === null) {
        names = values;
        return null;
      }
      if (values.length !== names.length)
        throw new Error(`${values.length} values for ${names.length} columns: ${line}`);
      const value = (name: string) => values[names?.indexOf(name) ?? -1] ?? '';
      return {
        agent_id: value('agent_id'),
        day: value('day'),
        total: Number(value('total')),
        tokens_in: Number(value('tokens_in')),
        cost_micros: Number(value('cost_micros')),
      };
    },
    end() {
      if (names === null) throw new Error('the file has no line of names');
    },
  };
}

/** RFC 4180 without line breaks in values. */
function csvValues(line: string): string[] {
  const values: string[] = [];
  for (const match of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)) {
    values.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
  }
  return values;
}

/**
 * By an engine of its own in this process, which finds the types of the columns in the file. It hands out row groups as
 * they are decoded, also with one thread (a pair of ten out of order once in a dozen reads), unless it is told to keep
 * the order of the file; the numbers of the rows show that it did.
 */
async function readParquet(path: string): Promise<RowSums> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-parquet-'));
  const engine = await openChdbEngine({ directory, database: 'parquet', memoryBytesMax: 2_000_000_000 });
  try {
    const file = `file('${path}', Parquet)`;
    const query = async (sql: string): Promise<string> =>
      Buffer.from((await engine.run('SET max_threads = 1', sql, 'TabSeparatedRaw')).bytes)
        .toString('utf8')
        .trim();
    const sums = await query(`
      SELECT count(), sum(total), sum(tokens_in), sum(cost_micros), toTypeName(any(day)), toTypeName(any(updated_at)),
        countIf(key <= before), countIf(place != toInt64(place_before) + 1)
      FROM (
        SELECT total, tokens_in, cost_micros, day, updated_at, (agent_id, day) AS key, _row_number AS place,
          lagInFrame(key) OVER one AS before, lagInFrame(place, 1, -1) OVER one AS place_before
        FROM ${file}
        WINDOW one AS (ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
      )
      SETTINGS input_format_parquet_preserve_order = 1`);
    const [rows, executions, tokensIn, costMicros, dayType = '', timeType = '', disorder, jumps] = sums.split('\t');
    if (Number(jumps) > 0) throw new Error(`the file was not read in its order: ${jumps} jumps`);
    if (!dayType.includes('Date32') || !timeType.includes("DateTime64(3, 'UTC')")) {
      throw new Error(`a day is ${dayType}, a time ${timeType}`);
    }
    if (Number(rows) > 0 && Number(disorder) > 0) throw new Error(`${disorder} rows are not in order`);
    return {
      rows: Number(rows),
      executions: Number(executions),
      tokensIn: Number(tokensIn),
      costMicros: Number(costMicros),
    };
  } finally {
    await engine.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
