import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Why the engine's library does not load here, in one line each. */
export interface LoadProblem {
  readonly what: string;
  readonly advice: string;
  /** Of this machine or its installation; else the process that tried ended for a reason of its own. */
  readonly isCertain: boolean;
}

/**
 * Loads the engine's library in a process of its own, which takes about a second, and tells what is in the way; null
 * when nothing is. A processor without the instructions it is built for ends that process by a signal.
 */
export function engineLoadProblem(): Promise<LoadProblem | null> {
  const library = new URL('./chdb-engine.js', import.meta.url).href;
  const program = `(await import(${JSON.stringify(library)})).loadEngineLibrary()`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    timeout: loadMsMax,
  });
  let said = '';
  child.stderr.on('data', (data: Buffer) => {
    said = (said + data.toString()).slice(0, saidCharactersMax);
  });
  return new Promise((resolve) => {
    child.once('error', ({ message }) => resolve(loadProblem({ said: message, signal: null })));
    child.once('close', (code, signal) => resolve(code === 0 ? null : loadProblem({ said, signal })));
  });
}

const loadMsMax = 30_000;
const saidCharactersMax = 20_000;

const server = 'set TIDEMARK_CLICKHOUSE_URL to a ClickHouse server';

/** What the end of a process that loaded the library means: what it said, or the signal that ended it. */
export function loadProblem(end: { readonly said: string; readonly signal: string | null }): LoadProblem {
  if (end.signal === 'SIGILL') {
    const what = "this processor lacks instructions that the embedded engine's library is built for (x86-64-v2, AVX)";
    return { what, advice: `run it on a newer processor, or ${server}`, isCertain: true };
  }
  if (end.signal !== null) {
    const what = `loading the embedded engine's library ended by ${end.signal}`;
    return { what, advice: 'see the log of the system, and how much memory is free', isCertain: false };
  }
  const cause = /^(?:[\w.]*Error[^:\n]*: )?(.*(?:native binding|\.so|symbol|GLIBC|memory|chdb).*)$/m.exec(
    end.said,
  )?.[1];
  const { platform, arch } = process;
  if (isMusl()) {
    const what = `the embedded engine's library has no build for the C library of this system (musl, ${arch})`;
    return { what, advice: `use a system with glibc, such as Debian or Ubuntu, or ${server}`, isCertain: true };
  }
  const what = `cannot load the embedded engine's library on ${platform} ${arch}: ${cause ?? firstLine(end.said)}`;
  return { what, advice: `install it again with its optional packages (npm ci), or ${server}`, isCertain: true };
}

/** Node names the version of glibc it runs on; on another C library it names none. */
function isMusl(): boolean {
  if (process.platform !== 'linux') return false;
  const report = process.report?.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } };
  return report?.header?.glibcVersionRuntime === undefined;
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
