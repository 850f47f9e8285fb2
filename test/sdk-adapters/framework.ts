import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/core/package-root.js';
import frameworks from './frameworks.json' with { type: 'json' };
import type { Dealt } from './programs/told.js';

const run = promisify(execFile);
const root = fileURLToPath(packageRoot);
const programs = fileURLToPath(new URL('programs/', import.meta.url));

export type FrameworkName = keyof typeof frameworks;
export type ToldEvent = Readonly<Record<string, unknown>>;

/** What a scene of a program printed. */
export interface Told {
  readonly events: readonly ToldEvent[];
  readonly dealt: readonly Dealt[];
  readonly result: unknown;
  readonly flushed: { readonly acked: number; readonly rejected: number; readonly dropped: number };
  readonly problems: readonly string[];
}

/** Frameworks that take a test for one of theirs do not trace; keys of whoever runs this are not for fakes. */
const unset = { NODE_ENV: 'production', OPENAI_API_KEY: '', LANGSMITH_TRACING: '', ANTHROPIC_API_KEY: '' };

/**
 * A project with a framework as the registry has it, in the versions of `frameworks.json`, and Tidemark as it was
 * built. It is installed once and kept, so that whoever installs our own packages need not wait for it.
 */
export class Framework {
  readonly directory: string;
  readonly #name: FrameworkName;

  private constructor(name: FrameworkName, directory: string) {
    this.#name = name;
    this.directory = directory;
  }

  /** Null, said aloud, where it can be neither found nor installed. */
  static async install(name: FrameworkName): Promise<Framework | null> {
    const manifest = JSON.stringify({ private: true, type: 'module', dependencies: frameworks[name].packages });
    const version = createHash('sha256').update(`${root} ${manifest}`).digest('hex').slice(0, 8);
    const directory = join(tmpdir(), 'tidemark-frameworks', `${name}-${version}`);
    const installed = join(directory, 'installed');
    if (!existsSync(installed)) {
      rmSync(directory, { recursive: true, force: true });
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, 'package.json'), manifest);
      try {
        const words = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts'];
        await run('npm', words, { cwd: directory, timeout: 240_000 });
      } catch (error) {
        process.stderr.write(`${name} is skipped, it cannot be installed: ${String(error).split('\n')[0]}\n`);
        return null;
      }
      symlinkSync(root, join(directory, 'node_modules/tidemark'));
      writeFileSync(installed, '');
    }
    return new Framework(name, directory);
  }

  /** Its program, held to the types of the framework and to ours. */
  async compile(): Promise<void> {
    const options = {
      target: 'ES2022',
      module: 'NodeNext',
      moduleResolution: 'NodeNext',
      lib: ['ES2023', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'],
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: true,
      rootDir: '/',
      noEmitOnError: true,
      paths: {
        'tidemark/sdk': [join(root, 'src/sdk/index.ts')],
        'tidemark/sdk/*': [join(root, 'src/sdk/adapters/*.ts')],
      },
    };
    const { program, files } = frameworks[this.#name];
    for (const name of [program, 'told', ...files]) {
      // What is of one version is called the same in each.
      const to = name.replace(/^(.*-version)-\d+$/, '$1');
      copyFileSync(join(programs, `${name}.ts`), join(this.directory, `${to}.ts`));
    }
    writeFileSync(join(this.directory, 'documented.ts'), this.#documented());
    const config = { compilerOptions: options, files: [`${program}.ts`] };
    writeFileSync(join(this.directory, 'tsconfig.json'), JSON.stringify(config));
    await this.#succeed([join(root, 'node_modules/typescript/bin/tsc'), '-p', '.', '--outDir', 'built'], {});
  }

  /** What docs/sdk.md shows, as a function of the names that it has from elsewhere. */
  #documented(): string {
    const page = readFileSync(join(root, 'docs/sdk.md'), 'utf8');
    const { given } = frameworks[this.#name];
    const [, shown] = page.split(`<!-- example: ${this.#name} -->\n\`\`\`js\n`);
    if (shown === undefined) throw new Error(`docs/sdk.md has no example ${this.#name}`);
    const lines = (shown.split('```')[0] ?? '').split('\n');
    const imports = lines.filter((line) => line.startsWith('import '));
    const others = lines.filter((line) => !line.startsWith('import '));
    const names = `{ ${given.join(', ')} }: Readonly<Record<string, any>>`;
    const head = `export async function documented(${names}): Promise<void> {`;
    return [...imports, head, ...others, '}'].join('\n');
  }

  /** One scene, in a process of its own, told to this collector. */
  async perform(scene: string, collector: Readonly<Record<string, string>>): Promise<Told> {
    const program = join('built', this.directory, `${frameworks[this.#name].program}.js`);
    return JSON.parse(await this.#succeed([program, scene], collector)) as Told;
  }

  async #succeed(words: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
    const options = {
      cwd: this.directory,
      env: { ...process.env, ...unset, ...env },
      timeout: 60_000,
      maxBuffer: 33_554_432,
    };
    try {
      return (await run(process.execPath, [...words], options)).stdout;
    } catch (error) {
      const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string };
      throw new Error(`cannot run ${words.join(' ')}: ${String(error)}\n${stdout ?? ''}${stderr ?? ''}`);
    }
  }
}
