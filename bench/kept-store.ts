import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageFile } from '../src/core/package-root.js';

/** A loaded data directory of a collector, to be measured and thrown away. */
export interface LoadedStore<Options> {
  readonly dataDir: string;
  /** Where `load` may have left files of its own. */
  readonly home: string;
  readonly options: Options;
  /** Null when it was loaded by an earlier run. */
  readonly loadSeconds: number | null;
  remove(): void;
}

export interface StoreLoading<Options> {
  /** Names the scratch directory. */
  readonly name: string;
  /** What is to be loaded; a kept store with other options is made anew. */
  readonly options: Omit<Options, 'endMs'>;
  /** Where the store is kept for later runs; null: nowhere. */
  readonly keepDir: string | null;
  load(place: { readonly home: string; readonly dataDir: string; readonly options: Options }): Promise<void>;
}

/** A kept history that ended longer ago is made anew: the last day of it would be too empty. */
const keptMsMax = 6 * 3_600_000;

/**
 * Loads a store of its own under the system's temporary directory. With `keepDir` the loaded store stays there for
 * later runs; what is measured is a copy of it, so that every run begins with the same store.
 */
export async function openLoadedStore<Options extends { readonly endMs: number }>(
  loading: StoreLoading<Options>,
): Promise<LoadedStore<Options>> {
  const scratch = mkdtempSync(join(tmpdir(), `tidemark-bench-${loading.name}-`));
  const remove = (): void => rmSync(scratch, { recursive: true, force: true });
  try {
    const home = loading.keepDir ?? scratch;
    const kept = loading.keepDir === null ? null : readKept(home, loading.options);
    const loaded = kept ?? (await load(home, loading));
    const dataDir = join(scratch, 'data');
    if (loading.keepDir !== null) cpSync(join(home, 'data'), dataDir, { recursive: true });
    return { dataDir, home, ...loaded, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

interface Loaded<Options> {
  readonly options: Options;
  readonly loadSeconds: number | null;
}

/** What a kept directory says of itself. */
interface KeptNote<Options> {
  readonly options: Options;
  /** Migrations it was loaded with: a later one's table would lack what was loaded before it. */
  readonly migrations: number;
}

function migrationCount(): number {
  return readdirSync(packageFile('clickhouse/migrations/')).length;
}

/** Null when the directory holds no history, or another one. */
function readKept<Options extends { readonly endMs: number }>(
  home: string,
  wanted: Omit<Options, 'endMs'>,
): Loaded<Options> | null {
  const path = join(home, 'history.json');
  if (!existsSync(path)) return null;
  const { options, migrations } = JSON.parse(readFileSync(path, 'utf8')) as Partial<KeptNote<Options>>;
  if (options === undefined || migrations !== migrationCount()) return null;
  const isSame = JSON.stringify({ ...wanted, endMs: options.endMs }) === JSON.stringify(options);
  return isSame && Date.now() - options.endMs < keptMsMax ? { options, loadSeconds: null } : null;
}

/** The note is written last: a directory without it is one whose loading was interrupted, and is loaded anew. */
async function load<Options extends { readonly endMs: number }>(
  home: string,
  loading: StoreLoading<Options>,
): Promise<Loaded<Options>> {
  const options = { ...loading.options, endMs: Math.floor(Date.now() / 60_000) * 60_000 } as Options;
  const dataDir = join(home, 'data');
  rmSync(join(home, 'history.json'), { force: true });
  rmSync(dataDir, { recursive: true, force: true });
  mkdirSync(dataDir, { recursive: true });
  const startedMs = performance.now();
  await loading.load({ home, dataDir, options });
  const note: KeptNote<Options> = { options, migrations: migrationCount() };
  writeFileSync(join(home, 'history.json'), JSON.stringify(note));
  return { options, loadSeconds: (performance.now() - startedMs) / 1_000 };
}
