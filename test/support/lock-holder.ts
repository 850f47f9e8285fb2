import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';

/** Says `held`, or the code of its refusal, and stays for as long as it is let; it has a child that stays, too. */
const program = `
const [directory, spool, native] = process.argv.slice(1);
const { DataDirLock } = await import(spool + 'data-dir-lock.js');
const { createFileLocker } = await import(spool + 'file-locker.js');
const { tryLoadFileLock } = await import(native);
const { spawn } = await import('node:child_process');
try {
  await new DataDirLock({ locker: createFileLocker({ lock: tryLoadFileLock() }) }, directory).start();
  const child = spawn('sleep', ['60'], { stdio: 'ignore', detached: true });
  console.log('held ' + child.pid);
  setInterval(() => {}, 1000);
} catch (error) {
  console.log(error.code + ' ' + error.message);
}
`;

export interface LockHolder {
  /** `held`, or why not. */
  readonly said: string;
  /** Of the process that it has started. */
  readonly childPid: number;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

/** A process of the built collector that takes the lock of `directory`; `under` is what it is run by. */
export async function holdLock(directory: string, under: readonly string[] = []): Promise<LockHolder> {
  const built = (path: string) => packageFile(`dist/src/${path}`).href;
  const args = [process.execPath, '--input-type=module', '-e', program, directory, built('spool/')];
  const [command = '', ...rest] = [...under, ...args, built('clickhouse/embedded/sandbox/native-calls.js')];
  const holder = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise<void>((resolve) => holder.once('exit', () => resolve()));
  const kill = async () => {
    holder.kill('SIGKILL');
    await gone;
  };
  const line = await firstLine(holder);
  const childPid = Number(/^held (\d+)/.exec(line)?.[1] ?? 0);
  onTestFinished(async () => {
    await kill();
    if (childPid > 0) tryKill(childPid);
  });
  return { said: line.replace(/ .*/, ''), childPid, kill };
}

async function firstLine(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) return line;
  return 'nothing';
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended, or is known by another number outside.
  }
}
