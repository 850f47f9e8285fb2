import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../src/core/package-root.js';

export const resultsDirectory = fileURLToPath(packageFile('bench/results/'));

/** Writes a report as `<bench>-<time>.json` and returns its path. */
export function saveResults(bench: string, report: object): string {
  mkdirSync(resultsDirectory, { recursive: true });
  const time = new Date().toISOString().replaceAll(':', '-').slice(0, 19);
  const path = `${resultsDirectory}${bench}-${time}.json`;
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
  return path;
}
