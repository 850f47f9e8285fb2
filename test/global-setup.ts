import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runDirectoryVariable } from './support/store-template.js';

/** A directory for what the files of one run share; removed when the run ends. */
export function setup(): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-run-'));
  process.env[runDirectoryVariable] = directory;
  return () => rmSync(directory, { recursive: true, force: true });
}
