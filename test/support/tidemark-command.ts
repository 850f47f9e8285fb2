import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../../src/core/package-root.js';

/** As it was built. */
export const program = fileURLToPath(packageFile('dist/src/cli/tidemark.js'));

export interface EndedCommand {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `tidemark <words>` as it was built, in a process of its own with no more of an environment than is given. */
export async function tidemark(
  words: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly cwd?: string;
    readonly input?: string | Buffer;
    /** The reader of its output goes away before anything is written. */
    readonly closesOutput?: boolean;
  } = {},
): Promise<EndedCommand> {
  const child = spawn(process.execPath, [program, ...words], {
    env: { PATH: process.env.PATH ?? '', ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: 'pipe',
  });
  const texts = { stdout: '', stderr: '' };
  if (options.closesOutput === true) child.stdout.destroy();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    texts.stderr += text;
  });
  child.stdin.on('error', () => undefined).end(options.input ?? '');
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, ...texts };
}
