import { spawnSync } from 'node:child_process';
import { statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { tempDir } from './temp-dir.js';

/** A full disk is a small one of the test's own; only root can make it. */
export const hasDisk = process.platform === 'linux' && process.getuid?.() === 0;

/** A file system of so many bytes, until the current test ends. */
export function smallDisk(bytes: number): string {
  const path = tempDir();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path], { encoding: 'utf8' });
  if (mounted.status !== 0) throw new Error(`cannot mount a disk: ${mounted.stderr}`);
  onTestFinished(() => void spawnSync('umount', [path]));
  return path;
}

/** Leaves no room but what `filling` takes; it is the file to remove. */
export function fill(path: string): string {
  const { bavail, bsize } = statfsSync(path);
  const filling = join(path, 'filling');
  writeFileSync(filling, Buffer.alloc(bavail * bsize));
  return filling;
}
