import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { transformSync } from 'esbuild';
import { rootPath, type TextFile } from '../support/source-file.js';

export interface TestVerdict {
  readonly passed: boolean;
  /** Ended by the limit of time. */
  readonly late: boolean;
  /** The first test that failed, or what was said instead. */
  readonly failure: string;
  readonly seconds: number;
  /** By test file, the first test of it that failed. */
  readonly failures: ReadonlyMap<string, string>;
}

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** A copy of the working tree, built, in which files are broken and mended while tests run. */
export class ScratchCheckout {
  readonly #path = mkdtempSync(join(tmpdir(), 'tidemark-mutants-'));

  constructor(files: readonly TextFile[]) {
    for (const { path, text } of files) {
      mkdirSync(dirname(join(this.#path, path)), { recursive: true });
      writeFileSync(join(this.#path, path), text);
    }
    symlinkSync(join(rootPath, 'node_modules'), join(this.#path, 'node_modules'));
    const built = spawnSync('npm', ['run', '--silent', 'build'], { cwd: this.#path, encoding: 'utf8' });
    if (built.status !== 0) throw new Error(`cannot build the copy: ${built.stdout}${built.stderr}`);
  }

  /** The source, and what was built of it: tests that start processes run the latter. */
  write(path: string, text: string): void {
    writeFileSync(join(this.#path, path), text);
    if (!path.endsWith('.ts')) return;
    const compilerOptions = { verbatimModuleSyntax: true, target: 'ES2022' };
    const { code } = transformSync(text, { loader: 'ts', format: 'esm', tsconfigRaw: { compilerOptions } });
    writeFileSync(join(this.#path, 'dist', path.replace(/\.ts$/, '.js')), code);
  }

  /** Runs test files one at a time, up to the first failure. */
  async test(paths: readonly string[], options: { readonly secondsMax: number }): Promise<TestVerdict> {
    const report = join(this.#path, 'report.json');
    rmSync(report, { force: true });
    const flags = ['--bail', '1', '--maxWorkers', '1', '--reporter', 'json', '--outputFile', report];
    const args = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/vitest.config.ts', ...flags, ...paths];
    const startedMs = performance.now();
    const child = spawn(process.execPath, args, {
      cwd: this.#path,
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2_000);
    });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      endGroup(child.pid);
    }, 1_000 * options.secondsMax);
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    clearTimeout(timer);
    endGroup(child.pid);
    const results = readReport(report)?.testResults ?? [];
    return this.#verdict(results, {
      passed: code === 0 && !late,
      late,
      seconds: (performance.now() - startedMs) / 1_000,
      said: said.trim().split('\n').at(-1) ?? '',
    });
  }

  #verdict(
    results: VitestReport['testResults'],
    { said, ...outcome }: { passed: boolean; late: boolean; seconds: number; said: string },
  ): TestVerdict {
    const failures = new Map<string, string>();
    for (const { name, message, assertionResults, status } of results) {
      if (status === 'passed') continue;
      const path = name.replace(`${this.#path}/`, '');
      const failed = assertionResults.find((each) => each.status === 'failed')?.fullName ?? message.split('\n')[0];
      if (failed) failures.set(path, failed.trim());
    }
    const [first] = failures;
    return { ...outcome, failure: first === undefined ? said : first.join(': '), failures };
  }

  remove(): void {
    rmSync(this.#path, { recursive: true, force: true });
  }
}

/** The test run with all it has started. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

function readReport(path: string): VitestReport | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}
