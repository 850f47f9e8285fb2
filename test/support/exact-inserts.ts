import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ExactSegmentWriter } from '../../src/clickhouse/segments/exact-segment-writer.js';
import { directoryOf } from '../../src/clickhouse/segments/part-census.js';
import type { StoreStatement, StoreWriter } from '../../src/clickhouse/store-writer.js';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import type { InsertNotes } from '../../src/core/ports/insert-notes.js';
import type { SpoolSegment } from '../../src/core/ports/spool-reader.js';
import { nodeFileSystem } from '../../src/spool/file-system.js';
import { InsertNoteFile } from '../../src/spool/insert-note-file.js';
import { EngineStore } from './engine-store.js';
import { noonMs, rollupRows, row } from './event-rows.js';
import { seededRandom } from './seeded-random.js';
import { timeText, writeSegment } from './segment-file.js';

const database = 'tidemark';

export const tables = `
  SELECT name FROM system.tables
  WHERE database = '${database}' AND engine LIKE '%MergeTree' AND match(name, '^agent_')`;

interface Interference {
  /** Runs when a statement of this name is done, once. */
  readonly after?: { readonly name: RegExp; run(): Promise<void> };
}

export interface InsertedPart {
  readonly name: string;
  readonly directory: string;
}

/** An engine with its schema, and segments that reach every table, inserted while something happens to the store. */
export class ExactInserts {
  readonly store: EngineStore;
  notes: InsertNotes;
  /** Rows that a segment adds to each table, one part a partition. */
  once: Readonly<Record<string, number>> = {};
  #serial = 0;

  private constructor(store: EngineStore) {
    this.store = store;
    this.notes = this.freshNotes();
  }

  static async begin(): Promise<ExactInserts> {
    const inserts = new ExactInserts(await EngineStore.withSchema());
    await inserts.#stopMerges();
    const before = await inserts.tableRows();
    await inserts.createWriter().writer.insert(await inserts.nextSegment());
    inserts.once = added(before, await inserts.tableRows());
    return inserts;
  }

  end(): Promise<void> {
    return this.store.end();
  }

  freshNotes(): InsertNotes {
    return new InsertNoteFile({ fileSystem: nodeFileSystem }, mkdtempSync(join(this.store.directory, 'notes-')));
  }

  /** Parts stay as they were inserted, so that their rows can be counted; also over a restart. */
  async #stopMerges(): Promise<void> {
    for (const { name } of await this.store.select<{ name: string }>(tables)) {
      await this.store.run(`ALTER TABLE ${name} MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1`);
    }
  }

  /** Of every kind, in two months of event time: rollups have two partitions, the raw table has one. */
  async nextSegment(): Promise<SpoolSegment> {
    const earlier = { ts: timeText(noonMs - 40 * 86_400_000), duration_ms: 5 };
    const rows = [
      ...rollupRows,
      row({ type: 'task.completed', agent_id: 'a', task_id: 't9', run_id: 'r9', ...earlier }),
      row({ type: 'run.started', agent_id: 'a', run_id: 'r9' }),
      row({ type: 'run.completed', agent_id: 'a', run_id: 'r9' }),
      row({ type: 'task.failed', agent_id: 'a', task_id: 't8', error_category: 'tool', error_code: 'E', ...earlier }),
      row({ type: 'memory.stored', agent_id: 'a' }),
      row({ type: 'pattern.observed', agent_id: 'a', pattern_id: 'p' }),
      row({ type: 'pattern.feedback', agent_id: 'a', pattern_id: 'p', feedback_score: 1 }),
    ];
    this.#serial += 1;
    const id = `${this.#serial.toString(16).padStart(12, '0')}-000000-0000000000000000`;
    return await writeSegment(this.store, { id, blocks: [rows.slice(0, 3), rows.slice(3)] });
  }

  async tableRows(): Promise<Record<string, number>> {
    const rows = await this.store.client.writerRows<{ place: string; rows: number }>({
      name: 'test',
      sql: `
        SELECT concat(table, '/', partition_id) AS place, toInt32(sum(rows)) AS rows FROM system.parts
        WHERE active AND database = '${database}' AND match(table, '^agent_') GROUP BY place`,
      params: {},
    });
    return Object.fromEntries(rows.map(({ place, rows: count }) => [place, count]));
  }

  /** The store, with something happening to it at a given moment. */
  createWriter(interference: Interference = {}) {
    const { store, notes } = this;
    let left = interference.after;
    const outcomes: string[] = [];
    const broken: string[] = [];
    const between: StoreWriter = {
      command: async (statement: StoreStatement) => {
        await store.command(statement);
        if (left?.name.test(statement.name) !== true) return;
        const { run } = left;
        left = undefined;
        await run();
      },
      insertStream: (...insert) => store.insertStream(...insert),
      writerRows: (query) => store.writerRows(query),
    };
    const writer = new ExactSegmentWriter(
      {
        store: between,
        notes,
        clock: systemClock,
        random: seededRandom(this.#serial + 1),
        logger: silentLogger,
        instruments: {
          settled: { inc: ({ outcome }) => void outcomes.push(outcome) },
          partsBroken: { inc: ({ found }) => void broken.push(found) },
        },
      },
      { database, engineDir: store.test.dataDir },
    );
    return { writer, outcomes, broken };
  }

  async newestParts(table: string): Promise<InsertedPart[]> {
    const rows = await this.store.client.writerRows<{ name: string; path: string }>({
      name: 'test',
      sql: `
        SELECT name, path FROM system.parts WHERE active AND database = '${database}' AND table = '${table}'
        ORDER BY max_block_number DESC`,
      params: {},
    });
    return rows.map(({ name, path }) => ({ name, directory: directoryOf(path, this.store.test.dataDir) }));
  }

  /** As a power cut leaves it: parts are synced, the log of tokens is not. */
  loseTokens(): Promise<void> {
    return this.restartWithout((name) => /deduplication_log_\d+\.txt$/.test(name));
  }

  /** Kills the engine, removes what is found in its store, and waits for its restart. */
  async restartWithout(isLost: (name: string) => boolean): Promise<void> {
    const engineDir = join(this.store.test.dataDir, 'db', 'store');
    const pid = this.store.test.engine.pid();
    if (pid === undefined) throw new Error('no engine runs');
    process.kill(pid, 'SIGKILL');
    for (const name of readdirSync(engineDir, { recursive: true, encoding: 'utf8' }).filter(isLost)) {
      rmSync(join(engineDir, name), { recursive: true, force: true });
    }
    while (this.store.test.engine.pid() === pid) await new Promise((resolve) => setTimeout(resolve, 20));
    await this.store.test.engine.ready();
  }

  /** Of the newest part in each place that a segment reaches. */
  async newestDirectories(): Promise<ReadonlySet<string>> {
    const newest = await Promise.all(
      Object.keys(this.once).map(async (place) => {
        const [table = '', partition = ''] = place.split('/');
        return (await this.newestParts(table)).find(({ name }) => name.startsWith(`${partition}_`));
      }),
    );
    return new Set(newest.map((part) => placed(part!.directory)));
  }
}

export function added(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>) {
  const differences = Object.entries(after).map(([place, rows]) => [place, rows - (before[place] ?? 0)] as const);
  return Object.fromEntries(differences.filter(([, rows]) => rows !== 0));
}

/** A directory by its table and its own name. */
export function placed(directory: string): string {
  return directory.replace(/\/$/, '').split('/').slice(-2).join('/');
}
