import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const fetchMsMax = 300_000;
const keptIn = join(tmpdir(), 'tidemark-clients');

interface SourceRecipe {
  /** Of the release, as its repository names it. */
  readonly tag: string;
  /** A path that a source with the tests has. */
  readonly tests: string;
  /** Leaves an archive in the working directory; where the registry has sources at all. */
  readonly registry?: readonly [program: string, ...words: string[]];
}

const recipes = {
  'clickhouse-connect': {
    tag: 'v1.12.0',
    tests: 'tests/integration_tests/conftest.py',
    registry: [
      ...['python3', '-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps'],
      ...['--no-binary', 'clickhouse-connect', 'clickhouse-connect==1.12.0'],
    ],
  },
  'clickhouse-js': { tag: 'client-1.23.1', tests: 'packages/client-node' },
  'clickhouse-java': { tag: 'v0.10.0', tests: 'client-v2/src/test' },
} as const satisfies Readonly<Record<string, SourceRecipe>>;

export type SourceName = keyof typeof recipes;
/** Directories a person has, by the name of the repository. */
export type GivenSources = ReadonlyMap<string, string>;

/** Of `--source name=directory`, said once a source; throws what is wrong with one. */
export function parseGivenSources(words: readonly string[]): GivenSources {
  const given = words.map((word): readonly [string, string] => {
    const at = word.indexOf('=');
    const [name, directory] = [word.slice(0, at), resolve(word.slice(at + 1))];
    if (!Object.hasOwn(recipes, name)) throw new Error(`--source ${word}: not one of ${Object.keys(recipes)}`);
    if (!existsSync(directory)) throw new Error(`--source ${word}: cannot find the directory`);
    return [name, directory];
  });
  return new Map(given);
}

/**
 * A copy of a suite's sources under the system's directory for temporary files, which may be changed and built in; the
 * same sources are the same copy the next time, with what was built there. From the directory given, else the
 * registry's package where that has tests, else the repository. Null, said aloud, where none has them.
 */
export async function suiteSource(name: SourceName, given: GivenSources): Promise<string | null> {
  const { tag, tests, registry }: SourceRecipe = recipes[name];
  const directory = given.get(name);
  if (directory !== undefined) {
    if (existsSync(join(directory, tests))) return copied(name, directory);
    process.stderr.write(`the tests of ${name} are skipped: ${directory} has no ${tests}\n`);
    return null;
  }
  const kept = join(keptIn, `${name}-${tag}`);
  if (existsSync(kept)) return kept;
  mkdirSync(keptIn, { recursive: true });
  const fetched = mkdtempSync(join(keptIn, 'fetched-'));
  try {
    const found = (registry && (await tryPackage(registry, fetched, tests))) ?? (await clone(name, tag, fetched));
    if (!existsSync(join(found, tests))) throw new Error(`it has no ${tests}`);
    renameSync(found, kept);
    return kept;
  } catch (error) {
    process.stderr.write(`the tests of ${name} are skipped, they cannot be had: ${lastLineOf(error)}\n`);
    return null;
  } finally {
    rmSync(fetched, { recursive: true, force: true });
  }
}

/** Null where the package cannot be had or comes without the tests. */
async function tryPackage(
  [program, ...words]: NonNullable<SourceRecipe['registry']>,
  cwd: string,
  tests: string,
): Promise<string | null> {
  try {
    await execute(program, words, { cwd, timeout: fetchMsMax });
    const archive = readdirSync(cwd).find((file) => file.endsWith('.tar.gz'));
    if (archive === undefined) return null;
    await execute('tar', ['xzf', archive], { cwd, timeout: fetchMsMax });
    const found = join(cwd, basename(archive, '.tar.gz'));
    return existsSync(join(found, tests)) ? found : null;
  } catch {
    return null;
  }
}

async function clone(name: SourceName, tag: string, cwd: string): Promise<string> {
  const url = `https://github.com/ClickHouse/${name}`;
  await execute('git', ['clone', '--quiet', '--depth', '1', '--branch', tag, url, 'clone'], {
    cwd,
    timeout: fetchMsMax,
    env: { ...process.env, GIT_TERMINAL_PROMPT: '0' },
  });
  return join(cwd, 'clone');
}

/** Kept by what is in it, so that a change of the directory is another copy. */
function copied(name: SourceName, directory: string): string {
  const wanted = (path: string) => !['.git', 'node_modules', 'target'].includes(basename(path));
  const hash = createHash('sha256');
  for (const path of filesOf(directory, wanted)) hash.update(relative(directory, path)).update(readFileSync(path));
  const kept = join(keptIn, `${name}-${hash.digest('hex').slice(0, 12)}`);
  if (!existsSync(kept)) {
    const unfinished = `${kept}.${process.pid}`;
    // A link goes on to the same file of the copy.
    cpSync(directory, unfinished, { recursive: true, filter: wanted, verbatimSymlinks: true });
    renameSync(unfinished, kept);
  }
  return kept;
}

function filesOf(folder: string, wanted: (path: string) => boolean): string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (!wanted(path)) return [];
    if (entry.isDirectory()) return filesOf(path, wanted);
    return entry.isFile() ? [path] : [];
  });
}

function lastLineOf(error: unknown): string {
  return String(error).trim().split('\n').at(-1) ?? '';
}
