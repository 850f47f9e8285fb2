import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

/** The engine of a collector that was killed ends by itself, what it has begun first. */
const writtenMsMax = 60_000;

/** A new directory that is removed when the current test ends. */
export function tempDir(): string {
  const path = mkdtempSync(join(tmpdir(), 'tidemark-test-'));
  onTestFinished(() => removeDirectory(path));
  return path;
}

/** Removes a directory in which a process may still be at its end; what it writes meanwhile is removed too. */
export async function removeDirectory(path: string): Promise<void> {
  const deadline = performance.now() + writtenMsMax;
  for (;;) {
    try {
      return await rm(path, { recursive: true, force: true });
    } catch (error) {
      // Only retries of the whole see files that were written after their directory was read.
      const isWritten = (error as NodeJS.ErrnoException).code === 'ENOTEMPTY';
      if (!isWritten || performance.now() > deadline) throw error;
      await sleep(100);
    }
  }
}
