import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drainPending, Session } from 'chdb';
import { rawColumns } from '../../src/core/event-schema.js';
import { packageFile } from '../../src/core/package-root.js';
import type { StoreQuery, StoreReader } from '../../src/core/ports.js';

/** Columns of a raw row; the rest take their defaults. Times in ms since the epoch. */
export type RawRow = Readonly<Record<string, unknown>> & {
  readonly tenant: string;
  readonly agent_id: string;
  readonly type: string;
  readonly ts: number;
  readonly received: number;
};

export interface QueryStore {
  readonly reader: StoreReader;
  /** Every query that ran, for asserting what was asked. */
  readonly asked: StoreQuery[];
  insert(rows: readonly RawRow[]): void;
  close(): Promise<void>;
}

export function openQueryStore(): QueryStore {
  const path = mkdtempSync(join(tmpdir(), 'tidemark-query-'));
  const session = new Session(join(path, 'store'));
  session.query('CREATE DATABASE tidemark ENGINE = Atomic');
  session.query('USE tidemark');
  for (const statement of migrations()) session.query(statement);
  const asked: StoreQuery[] = [];
  return {
    asked,
    reader: {
      rows: async <Row>(query: StoreQuery) => {
        asked.push(query);
        return select<Row>(session, query);
      },
    },
    insert: (rows) => insertRows(session, join(path, 'rows.ndjson'), rows),
    close: async () => {
      session.close();
      await drainPending();
      rmSync(path, { recursive: true, force: true });
    },
  };
}

function select<Row>(session: Session, query: StoreQuery): Row[] {
  for (const [name, value] of Object.entries(query.params)) {
    const text = Array.isArray(value) ? `[${value.map(tsvQuoted).join(',')}]` : tsvEscaped(String(value));
    session.query(`SET param_${name} = '${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`);
  }
  const text = session.query(query.sql, 'JSONEachRow');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
}

/** Parameter values are read as escaped tab-separated text. */
function tsvEscaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\0', '\\0');
}

function tsvQuoted(text: string): string {
  return `'${tsvEscaped(text).replaceAll("'", "\\'")}'`;
}

function insertRows(session: Session, path: string, rows: readonly RawRow[]): void {
  const lines = rows.map((row) => {
    const times = Object.fromEntries(
      ['ts', 'received', 'started_at', 'ended_at']
        .filter((name) => typeof row[name] === 'number')
        .map((name) => [name, new Date(row[name] as number).toISOString().replace('Z', '')]),
    );
    return JSON.stringify({ ...row, ...times });
  });
  writeFileSync(path, `${lines.join('\n')}\n`);
  const columns = rawColumns.map((column) => column.name).join(', ');
  session.query(`INSERT INTO agent_events_raw_v1 (${columns}) FROM INFILE '${path}' FORMAT JSONEachRow`);
}

function migrations(): string[] {
  const folder = packageFile('clickhouse/migrations/');
  const files = readdirSync(folder).filter((name) => name.endsWith('.sql'));
  return files
    .sort()
    .map((name) => readFileSync(new URL(name, folder), 'utf8').split('-- up')[1]?.split('-- down')[0] ?? '');
}
