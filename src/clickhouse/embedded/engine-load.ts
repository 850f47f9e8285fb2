import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CollectorError } from '../../core/errors.js';
import { type ProcessLimits, readProcessLimits } from '../../core/process-limits.js';
import { isLibraryInstalled } from './chdb-engine.js';
import { engineNodeOptions, limitInTheWay } from './start-limits.js';

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
  const child = spawn(process.execPath, [...engineNodeOptions(), '--input-type=module', '-e', program], {
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

/** Throws CollectorError `config_invalid` when there is nothing to load: a look at the files, which costs nothing. */
export function mustHaveLibrary(): void {
  if (isLibraryInstalled() === true) return;
  const { what, advice } = loadProblem({ said: 'it is not installed', signal: null });
  throw new CollectorError('config_invalid', `cannot start the embedded engine: ${what}; ${advice}`);
}

const server = 'set TIDEMARK_CLICKHOUSE_URL to a ClickHouse server';

/** What the end of a process that loaded the library means: what it said, or the signal that ended it. */
export function loadProblem(
  end: { readonly said: string; readonly signal: string | null },
  limits: ProcessLimits = readProcessLimits(),
): LoadProblem {
  const { platform, arch } = process;
  if (end.signal === 'SIGILL') {
    const what = `this processor lacks instructions that the engine's library for ${arch} is built for`;
    return { what, advice: `run it on a newer processor, or ${server}`, isCertain: true };
  }
  if (end.signal !== null) {
    const what = `loading the engine's library ended by ${end.signal}`;
    const advice = limitInTheWay(limits) ?? 'see the log of the system, and how much memory is free';
    return { what, advice, isCertain: false };
  }
  if (isLibraryInstalled() === null) {
    const what = `the engine's library has no build for ${platform} ${arch}`;
    return { what, advice: `run it on Linux or macOS, or ${server}`, isCertain: true };
  }
  if (isMusl()) {
    const what = `the engine's library has no build for the C library of this system (not glibc; Alpine has musl)`;
    return { what, advice: `run it on a system with glibc, such as Debian or Ubuntu, or ${server}`, isCertain: true };
  }
  const what = `its library for ${platform} ${arch} does not load: ${causeIn(end.said)}`;
  const advice = limitInTheWay(limits) ?? `install it again with its optional packages (npm ci), or ${server}`;
  return { what, advice, isCertain: true };
}

/** Node names the version of glibc it runs on; on another C library it names none. */
function isMusl(): boolean {
  if (process.platform !== 'linux') return false;
  const report = process.report?.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } };
  return report?.header?.glibcVersionRuntime === undefined;
}

/** The line of a stack trace that says what happened, without the advice of the library itself. */
function causeIn(said: string): string {
  const thrown = /^\s*(?:throw )?(?:new )?[\w.]*Error(?: \[\w+\])?: (.*)$/m.exec(said)?.[1] ?? firstLine(said);
  return (thrown.split('. Try: ')[0] ?? '').replace(/\.$/, '');
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
