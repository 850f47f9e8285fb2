import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../../src/core/package-root.js';

/** What is written in C, because Node has no call for it. Built with the system's compiler when it is first needed. */
export type NativeProgram = 'power-cut' | 'faults';

const flags: Readonly<Record<NativeProgram, readonly string[]>> = {
  'power-cut': ['-O2', '-Wall'],
  faults: ['-O2', '-Wall', '-shared', '-fPIC'],
};

/** The path of the built program. Throws with the compiler's words. */
export function buildNative(program: NativeProgram): string {
  const source = fileURLToPath(packageFile(`test/prove/native/${program}.c`));
  const digest = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12);
  const directory = fileURLToPath(packageFile('dist/test/prove/native'));
  const path = `${directory}/${program}-${digest}`;
  if (existsSync(path)) return path;
  mkdirSync(directory, { recursive: true });
  const draft = `${path}.${process.pid}`;
  execFileSync('cc', [...flags[program], '-o', draft, source, '-ldl'], { stdio: ['ignore', 'ignore', 'pipe'] });
  renameSync(draft, path);
  return path;
}
