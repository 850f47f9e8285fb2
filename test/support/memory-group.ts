import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

const mount = '/sys/fs/cgroup/memory';

/** Memory is given to groups as the kernel's first version of them does; only root may. */
export const hasMemoryGroups = process.getuid?.() === 0 && existsSync(join(mount, 'memory.limit_in_bytes'));

/** Processes that have so many bytes together, as in a container, until the current test ends. */
export class MemoryGroup {
  readonly #path = join(mount, `tidemark-test-${process.pid}`);

  constructor(bytes: number) {
    mkdirSync(this.#path);
    onTestFinished(() => removeGroup(this.#path));
    writeFileSync(join(this.#path, 'memory.limit_in_bytes'), String(bytes));
  }

  /** A command that becomes the one it is given, within the group, which it sees as a container does: as the root. */
  get command(): readonly string[] {
    const script = `echo $$ > ${this.#path}/cgroup.procs && mount --bind ${this.#path} ${mount} && exec "$@"`;
    return ['unshare', '--mount', 'sh', '-c', script, 'sh'];
  }

  /** Another process in it takes so many bytes and keeps them until the test ends. */
  async take(bytes: number): Promise<void> {
    const script = `const taken = Buffer.alloc(${bytes}, 1); console.log(taken.length); setInterval(() => taken, 1e9);`;
    const [program = '', ...args] = [...this.command, process.execPath, '-e', script];
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(async () => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    });
    await once(child.stdout, 'data');
  }
}

/** The kernel takes a moment to let go of a process that has ended. */
async function removeGroup(path: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      rmdirSync(path);
      return;
    } catch (error) {
      if (tries === 600) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
