import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A directory for all tests of a file: the engine takes one data directory a process. Removed after the last. */
export function removeOnExit(): string {
  const path = mkdtempSync(join(tmpdir(), 'tidemark-test-'));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
