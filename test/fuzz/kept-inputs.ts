import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../../src/core/package-root.js';

/** The inputs of a target that are kept with the project: a line each, in base64. */
export function keptPath(target: string): string {
  return fileURLToPath(packageFile(`test/corpus/fuzz/${target}.txt`));
}

/** All that a run found, which the next one begins with; findings and slow inputs lie beside it. */
export function foundPath(target: string, name = 'corpus.txt'): string {
  return fileURLToPath(packageFile(`dist/fuzz/${target}/${name}`));
}

export function readInputs(path: string): Uint8Array[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'latin1').split('\n');
  return lines.filter((line) => line !== '').map((line) => Uint8Array.from(Buffer.from(line.slice(1), 'base64')));
}

/** A mark before each line lets an input of no bytes have one too. */
export function writeInputs(path: string, inputs: readonly Uint8Array[]): void {
  mkdirSync(dirname(path), { recursive: true });
  const lines = inputs.map((input) => `:${Buffer.from(input).toString('base64')}\n`);
  writeFileSync(path, lines.join(''));
}
