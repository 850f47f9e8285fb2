import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { syncDirectory, writeDurably } from '../../../core/durable-file.js';
import type { EngineInstruments } from '../../../core/instruments.js';
import type { Logger } from '../../../core/logger.js';
import { besideDefinition, foldersIn } from './unfinished-writes.js';

const copy = z.object({ version: z.literal(1), definitions: z.record(z.string(), z.string()) });

type Definitions = ReadonlyMap<string, string>;

export interface KeptDefinitionsDeps {
  readonly logger: Logger;
  readonly instruments: Pick<EngineInstruments, 'definitions'>;
}

/**
 * A copy of the engine's definitions of databases, tables and views. The engine takes a write that failed for done, so
 * a disk that was full for a moment leaves a definition that is empty or cut, at which the engine refuses to start.
 *
 *   definitions.json    beside `db/`: `{ version: 1, definitions: { "metadata/tidemark.sql": text, … } }`, paths within
 *                       `db/`; 135 KB. Replaced as a whole and synced, made when the engine has just read every one
 *   definitions.aside/  what was taken out of `db/`, by its name; the newest of each name stays
 *
 * Every definition ends with a newline. Before the engine opens its directory, one without it, or with less than its
 * copy has, is put back from the copy. One that has no copy is a creation that never ended: it is set aside, so that
 * it can be made anew, unless there may be rows under it. What such a look does not find the engine does: it names the
 * file at which it refuses to start.
 *
 * chDB makes the database `default` anew at each start and gets over an empty definition of it. Users, grants and
 * functions are in no file of it.
 */
export class KeptDefinitions {
  readonly #deps: KeptDefinitionsDeps;
  readonly #engineDir: string;

  constructor(deps: KeptDefinitionsDeps, engineDir: string) {
    this.#deps = deps;
    this.#engineDir = engineDir;
  }

  /**
   * While nobody has the directory open. `refusal`: what the engine said when it refused to start, which may name the
   * file that it could not take. Answers whether anything was changed.
   */
  mend(refusal: string | null): boolean {
    const kept = this.#kept();
    const found = this.#found();
    let isChanged = false;
    for (const [path, text] of found) {
      const good = kept.get(path);
      const isNamed = refusal?.includes(path) === true && good !== text;
      if (isNamed || isCut(text) || (good !== undefined && good !== text && good.startsWith(text))) {
        if (this.#mendOne(path, good, found)) isChanged = true;
      }
    }
    return isChanged;
  }

  /** Those on the disk that are empty or cut, whatever the engine has in memory. */
  cut(): string[] {
    return [...this.#found()].filter(([, text]) => isCut(text)).map(([path]) => path);
  }

  /** Whether there is something to keep. */
  haveChanged(): boolean {
    const kept = this.#kept();
    const now = this.#intact(kept);
    return now.size !== kept.size || [...now].some(([path, text]) => kept.get(path) !== text);
  }

  /** Call it when the engine has taken them as they are. Throws when they cannot be written, naming the file. */
  keep(): void {
    if (!this.haveChanged()) return;
    const definitions = Object.fromEntries(this.#intact(this.#kept()));
    if (lstatSync(this.#copyPath, { throwIfNoEntry: false })?.isDirectory() === true) {
      renameSync(this.#copyPath, this.#freeAside(this.#copyPath));
    }
    this.#write(this.#copyPath, JSON.stringify({ version: 1, definitions } satisfies z.infer<typeof copy>));
  }

  get #copyPath(): string {
    return join(this.#engineDir, 'definitions.json');
  }

  get #databaseDir(): string {
    return join(this.#engineDir, 'db');
  }

  /** A copy that cannot be read is none. */
  #kept(): Definitions {
    try {
      return new Map(Object.entries(copy.parse(JSON.parse(readFileSync(this.#copyPath, 'utf8'))).definitions));
    } catch {
      return new Map();
    }
  }

  /** Of what is cut, the copy stays what it was. */
  #intact(kept: Definitions): Definitions {
    const whole = [...this.#found()].map(([path, text]) => [path, isCut(text) ? kept.get(path) : text] as const);
    return new Map(whole.filter((entry): entry is [string, string] => entry[1] !== undefined));
  }

  #found(): Definitions {
    const db = this.#databaseDir;
    // A database has its definitions in a directory of the same kind as those in which tables have their parts.
    const places = [join(db, 'metadata'), ...foldersIn(join(db, 'store')).flatMap(foldersIn)];
    const files = places.filter(existsSync).flatMap((place) => {
      const entries = readdirSync(place, { withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map(({ name }) => join(place, name));
    });
    const definitions = files.filter((path) => path.endsWith('.sql') && !besideDefinition.test(path));
    const found = definitions.map((path) => [path.slice(db.length + 1), readFileSync(path, 'utf8')] as const);
    return new Map(found.filter(([path]) => path !== 'metadata/default.sql'));
  }

  #mendOne(path: string, good: string | undefined, found: Definitions): boolean {
    const { logger, instruments } = this.#deps;
    const link = this.#linkOf(path);
    // A table that was made anew since has its rows elsewhere.
    const isOfIt = good !== undefined && (link === null || good.includes(basename(readlinkSync(link))));
    if (isOfIt) {
      // Until the copy takes its place in one step, it stays there: a definition that is missing is none.
      linkSync(join(this.#databaseDir, path), this.#freeAside(path));
      this.#write(join(this.#databaseDir, path), good);
      instruments.definitions.inc({ outcome: 'put_back' });
      logger.warn({ path }, 'a definition that was not written is put back from its copy');
      return true;
    }
    if (this.#holdsSomething(path, link, found)) {
      instruments.definitions.inc({ outcome: 'left' });
      logger.error({ path }, 'a definition is not whole, has no copy and may have rows: it is left as it is');
      return false;
    }
    renameSync(join(this.#databaseDir, path), this.#freeAside(path));
    syncDirectory(dirname(join(this.#databaseDir, path)));
    instruments.definitions.inc({ outcome: 'set_aside' });
    logger.warn({ path }, 'a definition that was never written is set aside, to be made anew');
    return true;
  }

  /** By its name, to the directory of a table's parts or of a database's definitions; null: there is none. */
  #linkOf(path: string): string | null {
    const db = this.#databaseDir;
    const [place, name] = [basename(dirname(path)), basename(path, '.sql')];
    if (place === 'metadata') return linkAt(join(db, 'metadata', name));
    for (const database of foldersIn(join(db, 'data')).map((folder) => basename(folder))) {
      const link = linkAt(join(db, 'metadata', database));
      if (link !== null && basename(readlinkSync(link)) === place) return linkAt(join(db, 'data', database, name));
    }
    return null;
  }

  #holdsSomething(path: string, link: string | null, found: Definitions): boolean {
    if (link === null || !existsSync(link)) return false;
    if (dirname(path) === 'metadata') {
      const place = join('store', basename(readlinkSync(link)).slice(0, 3), basename(readlinkSync(link)));
      return [...found.keys()].some((other) => dirname(other) === place);
    }
    const names = readdirSync(link).filter((name) => !ofEveryTable.test(name));
    return names.some((name) => name !== 'detached' || readdirSync(join(link, name)).length > 0);
  }

  #freeAside(path: string): string {
    const aside = join(this.#engineDir, 'definitions.aside');
    mkdirSync(aside, { recursive: true, mode: 0o700 });
    rmSync(join(aside, basename(path)), { recursive: true, force: true });
    return join(aside, basename(path));
  }

  /** Durable when it returns, the old file or the new one. A failed write throws here. */
  #write(path: string, text: string): void {
    // The engine refuses a directory in which files have names that it does not know.
    const newPath = join(this.#engineDir, 'definition.new');
    rmSync(newPath, { force: true });
    writeDurably(newPath, text);
    renameSync(newPath, path);
    syncDirectory(dirname(path));
  }
}

/** As far as it goes without the engine's parser. */
function isCut(text: string): boolean {
  return !text.endsWith('\n');
}

/** What a table has that has no rows. */
const ofEveryTable = /^(?:format_version\.txt|deduplication_logs|mutation_\d+\.txt)$/;

function linkAt(path: string): string | null {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? path : null;
}
