import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';

const packageDir = fileURLToPath(packageFile('.'));
const folder = packageFile('dist/src/clickhouse/embedded/sandbox/');

/** Where a collector would have its things, and an engine its own. */
export interface Premises {
  readonly root: string;
  readonly dataDir: string;
  readonly spoolDir: string;
  /** Of the engine's Unix socket, where the path in its own directory would be too long. */
  readonly socketDir: string;
}

export function createPremises(root: string): Premises {
  const [dataDir, spoolDir, socketDir] = [join(root, 'engine'), join(root, 'spool'), join(root, 'socket')];
  const premises = { root, dataDir, spoolDir, socketDir };
  for (const path of [dataDir, spoolDir, socketDir]) mkdirSync(path);
  return premises;
}

/**
 * Forks a process that runs `before`, which confines it unless told otherwise, and then becomes `program`, a script
 * that tells its outcome with `process.send`. `before` has at hand the functions of the sandbox, `native` and `reach`.
 */
export function forkConfined(premises: Premises, program: string, options: Partial<ForkOptions> = {}): ChildProcess {
  const { port, before, stderr } = { ...defaults, ...options };
  const launcher = join(premises.root, 'launcher.mjs');
  const path = join(premises.dataDir, 'program.mjs');
  const { dataDir, spoolDir, socketDir } = premises;
  writeFileSync(path, program);
  writeFileSync(
    launcher,
    `import { forbidNewPrivileges, loadNativeCalls } from '${new URL('native-calls.js', folder)}';
     import { becomeProgram, mustConfine } from '${new URL('process-confinement.js', folder)}';
     import { engineConfinement } from '${new URL('engine-confinement.js', folder)}';
     import { mustSupportLandlock, restrictByLandlock } from '${new URL('landlock.js', folder)}';
     import { tryRestrictSockets } from '${new URL('socket-filter.js', folder)}';
     const native = loadNativeCalls();
     const reach = ${JSON.stringify({ dataDir, spoolDir, socketDir, port, packageDir })};
     ${before}
     becomeProgram(native, [${JSON.stringify(path)}], { TZ: 'UTC' });`,
  );
  const child = fork(launcher, [], {
    execArgv: [],
    env: {},
    cwd: dataDir,
    stdio: ['ignore', 'ignore', stderr, 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

interface ForkOptions {
  readonly port: number;
  readonly before: string;
  readonly stderr: 'inherit' | 'pipe';
}

const defaults: ForkOptions = { port: 0, before: 'mustConfine(native, reach);', stderr: 'inherit' };

/** What it tells; fails when it ends without a word. */
export async function answerOf<Answer>(child: ChildProcess): Promise<Answer> {
  const ended = once(child, 'exit').then(([code, signal]) => Promise.reject(new Error(`ended: ${code} ${signal}`)));
  const [answer] = await Promise.race([once(child, 'message'), ended]);
  return answer as Answer;
}

/** For scripts: the code of the error of each attempt, or `done`. */
export const attemptsText = `
  const outcome = async (attempt) => {
    try { await attempt(); return 'done'; } catch (error) { return error.code ?? error.message; }
  };
  const outcomes = async (attempts) => {
    const all = {};
    for (const [name, attempt] of Object.entries(attempts)) all[name] = await outcome(attempt);
    return all;
  };`;

/** Whether this kernel, and what is installed here, can confine the engine. */
export async function canConfine(): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const launcher = fileURLToPath(new URL('launcher-main.js', folder));
  const child = fork(launcher, ['check'], { execArgv: [], env: {}, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  return (await answerOf<{ readonly type: string }>(child)).type === 'launching';
}
