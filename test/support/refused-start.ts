import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../../src/core/package-root.js';
import { testKey } from './collector-process.js';

export interface RefusedStart {
  readonly code: number | null;
  readonly stderr: string;
  readonly stdout: string;
}

/**
 * The built collector, started in the hope that it does not: resolves when it has ended. `program`: that of another
 * build. `by`: what starts it, as another user for example.
 */
export async function refusedStart(
  env: Readonly<Record<string, string>>,
  { program, by = [] }: { readonly program?: string; readonly by?: readonly string[] } = {},
): Promise<RefusedStart> {
  const script = program ?? fileURLToPath(packageFile('dist/src/main.js'));
  const [command = '', ...args] = [...by, process.execPath, script];
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH ?? '', TIDEMARK_API_KEYS: `${testKey}:default:admin`, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stderr: '', stdout: '' };
  child.stderr.on('data', (data: Buffer) => {
    texts.stderr += data.toString();
  });
  child.stdout.on('data', (data: Buffer) => {
    texts.stdout += data.toString();
    if (texts.stdout.includes('is listening on')) child.kill('SIGKILL');
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, ...texts };
}
