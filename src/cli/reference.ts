import { readFileSync, writeFileSync } from 'node:fs';
import { errorMessage } from '../core/errors.js';
import { packageFile } from '../core/package-root.js';
import { answerHelp } from './help.js';
import { environmentExample, referenceSections, rewriteSections } from './reference-tables.js';

const usage = 'usage: reference [--print]\n';

/**
 * `npm run reference`: writes the generated tables into README.md, between their markers, and `.env.example`.
 * With `-- --print` it prints them instead. Exit code 1 when the README cannot be written or lacks a marker.
 */
function main(args: readonly string[]): number {
  answerHelp(usage);
  const sections = referenceSections();
  if (args.includes('--print')) {
    for (const [name, content] of sections) process.stdout.write(`## ${name}\n\n${content}\n\n`);
    return 0;
  }
  const readme = packageFile('README.md');
  const { text, missing } = rewriteSections(readFileSync(readme, 'utf8'), sections);
  writeFileSync(readme, text);
  writeFileSync(packageFile('.env.example'), environmentExample());
  for (const name of missing) {
    process.stderr.write(`README.md: no markers <!-- begin:${name} --> and <!-- end:${name} -->\n`);
  }
  return missing.length === 0 ? 0 : 1;
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`cannot write the reference: ${errorMessage(error)}\n`);
  process.exitCode = 1;
}
