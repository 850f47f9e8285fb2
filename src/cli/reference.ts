import { readFileSync, writeFileSync } from 'node:fs';
import { errorMessage } from '../core/errors.js';
import { packageFile } from '../core/package-root.js';
import { answerHelp } from './help.js';
import { environmentExample, referenceSections, rewriteSections } from './reference-tables.js';

const usage = 'usage: reference [--print]\n';

/**
 * `npm run reference`: writes the generated tables into the pages of the documentation, between their markers, and
 * `.env.example`. With `-- --print` it prints them instead. Exit code 1 when a page cannot be written or lacks a
 * marker.
 */
async function main(args: readonly string[]): Promise<number> {
  answerHelp(usage);
  const sections = await referenceSections();
  if (args.includes('--print')) {
    for (const { name, content } of sections) process.stdout.write(`## ${name}\n\n${content}\n\n`);
    return 0;
  }
  let exitCode = 0;
  for (const page of new Set(sections.map((section) => section.page))) {
    const written = readFileSync(packageFile(page), 'utf8');
    const { text, missing } = rewriteSections(
      written,
      sections.filter((section) => section.page === page),
    );
    writeFileSync(packageFile(page), text);
    for (const name of missing) {
      process.stderr.write(`${page}: no markers <!-- begin:${name} --> and <!-- end:${name} -->\n`);
      exitCode = 1;
    }
  }
  writeFileSync(packageFile('.env.example'), environmentExample());
  return exitCode;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`cannot write the reference: ${errorMessage(error)}\n`);
  process.exitCode = 1;
}
