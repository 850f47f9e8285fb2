import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
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
  // A process that is at its end may still have files open there.
  onTestFinished(() => void spawnSync('umount', ['-l', path]));
  return path;
}

/** Leaves no room but what the file `filling` takes, whoever else writes meanwhile; it is the file to remove. */
export function fill(path: string): string {
  const filling = join(path, 'filling');
  const file = openSync(filling, 'w');
  try {
    for (const bytes of [1_048_576, 4_096]) writeUntilFull(file, Buffer.alloc(bytes));
  } finally {
    closeSync(file);
  }
  return filling;
}

function writeUntilFull(file: number, bytes: Buffer): void {
  for (;;) {
    try {
      // What is written in part was the last that there was room for.
      if (writeSync(file, bytes) < bytes.length) return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
}
