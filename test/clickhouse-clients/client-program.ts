import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { packageFile } from '../../src/core/package-root.js';
import type { TestEngine } from '../support/embedded-engine.js';
import type { Outcome, SuiteName } from './outcome.js';

const execute = promisify(execFile);
const sources = fileURLToPath(packageFile('test/clickhouse-clients/programs/'));
const installMsMax = 400_000;
const runMsMax = 240_000;

/** Of a program of its own; the others are tried from here. */
export type ProgramName = Exclude<SuiteName, 'node' | 'web' | 'otel'>;
type Command = readonly [program: string, ...words: string[]];

interface Recipe {
  /** Folder of its sources, copied to where it is installed. */
  readonly folder: string;
  readonly needs: Command;
  readonly install: readonly Command[];
  readonly run: readonly Command[];
}

const pip = ['bin/pip', 'install', '--quiet', '--disable-pip-version-check'] as const;

const recipes: Readonly<Record<ProgramName, Recipe>> = {
  python: {
    folder: 'python',
    needs: ['python3', '-c', 'import venv, ensurepip'],
    install: [
      ['python3', '-m', 'venv', '.'],
      // ibis imports packaging without saying so.
      [...pip, 'clickhouse-connect==1.12.0', 'sqlalchemy==2.1.9', 'ibis-framework[clickhouse]==12.0.0', 'packaging'],
      ['python3', '-m', 'venv', 'mcp'],
      ['mcp/bin/pip', ...pip.slice(1), 'mcp-clickhouse==0.7.0'],
    ],
    run: [
      ['bin/python', 'connect_client.py'],
      ['bin/python', 'sqlalchemy_client.py'],
      ['bin/python', 'ibis_client.py'],
      ['mcp/bin/python', 'mcp_client.py'],
    ],
  },
  dbt: {
    folder: 'dbt',
    needs: ['python3', '-c', 'import venv, ensurepip'],
    install: [
      ['python3', '-m', 'venv', '.'],
      // dbt-core 1.11 fetches a binary from elsewhere when it is installed.
      [...pip, 'dbt-core==1.10.23', 'dbt-clickhouse==1.10.3'],
    ],
    run: [['bin/python', 'dbt_client.py']],
  },
  go: {
    folder: 'go',
    needs: ['go', 'version'],
    install: [['go', 'build', '-o', 'clients', '.']],
    run: [['./clients']],
  },
  java: {
    folder: 'java',
    needs: ['javac', '-version'],
    install: [
      ['mvn', '--quiet', '--batch-mode', 'dependency:copy-dependencies', '-DoutputDirectory=lib'],
      ['javac', '-cp', 'lib/*', '-d', 'built', 'Clients.java'],
    ],
    run: [['java', '-cp', 'built:lib/*', 'Clients']],
  },
};

/** A program of another language that tries a client or some, installed once and kept. */
export class ClientProgram {
  readonly #recipe: Recipe;
  readonly #directory: string;

  private constructor(recipe: Recipe, directory: string) {
    this.#recipe = recipe;
    this.#directory = directory;
  }

  /** Null, said aloud, where its tools are not here or what it needs cannot be fetched. */
  static async install(name: ProgramName): Promise<ClientProgram | null> {
    const recipe = recipes[name];
    const folder = join(sources, recipe.folder);
    const directory = join(tmpdir(), 'tidemark-clients', `${name}-${versionOf(recipe, folder)}`);
    const installed = join(directory, 'installed');
    if (existsSync(installed)) return new ClientProgram(recipe, directory);
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    cpSync(folder, directory, { recursive: true });
    try {
      for (const [program, ...words] of [recipe.needs, ...recipe.install]) {
        await execute(program, words, { cwd: directory, timeout: installMsMax, maxBuffer: 33_554_432 });
      }
    } catch (error) {
      process.stderr.write(`clients of ${name} are skipped, they cannot be had: ${String(error).split('\n')[0]}\n`);
      return null;
    }
    writeFileSync(installed, '');
    return new ClientProgram(recipe, directory);
  }

  /** What it told; a program that ends with an error has an outcome of its own. */
  async run(store: TestEngine): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const command of this.#recipe.run) outcomes.push(...(await this.#told(command, store)));
    return outcomes;
  }

  async #told([program, ...words]: Command, store: TestEngine): Promise<Outcome[]> {
    const hasZstd = Number(process.versions.node.split('.')[0]) > 22;
    const env = {
      ...process.env,
      STORE_HOST: '127.0.0.1',
      STORE_PORT: String(store.engine.port),
      STORE_PASSWORD: store.writerPassword,
      STORE_HAS_ZSTD: hasZstd ? '1' : '0',
    };
    const child = spawn(program.includes('/') ? join(this.#directory, program) : program, words, {
      cwd: this.#directory,
      env,
      timeout: runMsMax,
    });
    const said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        said[stream] += text;
      });
    }
    const code = await new Promise<number>((resolve) => {
      child.once('error', () => resolve(-1));
      child.once('close', (ended) => resolve(ended ?? -1));
    });
    const outcomes = said.stdout.split('\n').filter((line) => line.startsWith('{'));
    const told = outcomes.map((line) => JSON.parse(line) as Outcome);
    if (code === 0) return told;
    return [...told, { client: program, feature: 'ends', ok: false, detail: `${code}: ${said.stderr.slice(-1_000)}` }];
  }
}

/** Of the pins and the sources, so that a change of either is installed anew. */
function versionOf(recipe: Recipe, folder: string): string {
  const hash = createHash('sha256').update(JSON.stringify(recipe));
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest('hex').slice(0, 12);
}
