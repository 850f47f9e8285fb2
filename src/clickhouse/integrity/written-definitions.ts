import { z } from 'zod';
import { CollectorError } from '../../core/errors.js';
import { fileFailure } from '../../core/file-remedy.js';
import type { Logger } from '../../core/logger.js';
import { readingAsWriter } from '../maintenance/rollup-repair.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import type { StoreWriter } from '../store-writer.js';

/** The embedded engine, as far as its definitions are looked after. */
export interface DefinedEngine {
  /** Ends it, as `reason`, and resolves when the next one answers; see `EngineProcess`. */
  readonly restart: (reason: string, options?: { readonly holdsMerges: boolean }) => Promise<void>;
  /** A copy of what is on the disk. */
  readonly definitions: { cut(): string[]; haveChanged(): boolean; keep(): void };
}

export interface WrittenDefinitionsDeps {
  readonly store: StoreWriter;
  readonly engine: DefinedEngine;
  readonly logger: Logger;
}

const row = z.object({ name: z.string() });

/**
 * Rejects with `store_failed` when the engine cannot read back what it should have written of a table or view: it goes
 * by what it has in memory, takes the change for done, and would refuse its next start. It is started again here, with
 * its copy of the definition, so that the change can be made again. `names`: the engine is asked for these, else for
 * all; two take 6 ms, all of them 30 to 50. What is empty or cut is found besides, that of a database too.
 */
export async function mustBeWritten(
  { store, engine, logger }: WrittenDefinitionsDeps,
  names: readonly string[] | null,
): Promise<void> {
  const unwritten = engine.definitions.cut();
  if (unwritten.length === 0) unwritten.push(...(await unreadable(store, names)));
  if (unwritten.length === 0) return;
  const definitions = unwritten.join(', ');
  logger.error({ definitions }, 'a definition was not written: the engine is started again with its copy');
  await engine.restart('definition_unwritten');
  throw new CollectorError('store_failed', `the engine has not written the definition of ${definitions}`);
}

async function unreadable(store: StoreWriter, names: readonly string[] | null): Promise<string[]> {
  if (names?.length === 0) return [];
  const rows = await checkedRows(readingAsWriter(store), row, {
    name: 'unwritten_definitions',
    sql: `
      SELECT name FROM system.tables
      WHERE database = currentDatabase() AND create_table_query = ''
        ${names === null ? '' : 'AND name IN {names:Array(String)}'}`,
    params: names === null ? {} : { names },
  });
  return rows.map(({ name }) => name);
}

/**
 * Makes a new copy of the definitions after `change`, when they have changed and are written. Rejects as `change` and
 * `mustBeWritten`, and when there is no room for the copy: an older one would be put back with columns missing that a
 * migration has made.
 */
export async function whileDefinitionsChange(deps: WrittenDefinitionsDeps, change: () => Promise<void>): Promise<void> {
  const { definitions } = deps.engine;
  // That of a new database: it is not mended any more once there are tables in it.
  await mustBeWritten(deps, []);
  try {
    await change();
  } catch (error) {
    // A definition that is not whole cannot be changed either: the next attempt would end the same way.
    await mustBeWritten(deps, null).catch(() => undefined);
    throw error;
  }
  if (!definitions.haveChanged()) return;
  await mustBeWritten(deps, null);
  try {
    definitions.keep();
  } catch (error) {
    const cause = fileFailure(error);
    throw new CollectorError('store_failed', `cannot keep a copy of the definitions: ${cause}`, { cause: error });
  }
}
