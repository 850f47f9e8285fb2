import { readFileSync } from 'node:fs';
import { packageFile } from '../../src/core/package-root.js';

export const licencesPath = 'docs/licences.md';

/**
 * What may be installed with the collector or built into its pages, by SPDX name: all of them let it be used and passed
 * on in any program, as long as their notice stays.
 */
const allowed = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT', 'Unlicense'];

/** What builds and tests it may have these as well, whose terms are about their own files; nothing of it is shipped. */
const allowedForTools = ['CC-BY-4.0', 'MIT OR Apache-2.0', 'MPL-2.0', 'PSF-2.0', 'Python-2.0'];

/** Packages that name no licence, by the licence of the file in them. */
export const namedByFile: Readonly<Record<string, { readonly licence: string; readonly begins: RegExp }>> = {
  'uWebSockets.js': { licence: 'Apache-2.0', begins: /^\s*Apache License\s+Version 2\.0/ },
};

interface LockedPackage {
  readonly license?: string;
  readonly dev?: boolean;
  readonly peer?: boolean;
}

export interface Licensed {
  readonly name: string;
  readonly licence: string | null;
  /** Installed with the collector, or built into its pages. */
  readonly isShipped: boolean;
}

/** What the pages are built of, and with them shipped, though npm takes it for tools. */
const inPages = /^(@tanstack\/(react-virtual|virtual-core)|d3-.*|internmap|react|react-dom|scheduler|uplot|wouter)$/;

/** Every package of the lock file, each name once with each of its licences, in the order of names. */
export function licensedPackages(lock: { readonly packages: Readonly<Record<string, LockedPackage>> }): Licensed[] {
  const found = new Map<string, Licensed>();
  for (const [path, locked] of Object.entries(lock.packages)) {
    if (!path.startsWith('node_modules/')) continue;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const licence = locked.license ?? namedByFile[name]?.licence ?? null;
    const isShipped = locked.dev !== true || inPages.test(name);
    const key = `${name} ${licence}`;
    found.set(key, { name, licence, isShipped: isShipped || found.get(key)?.isShipped === true });
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function lockFile(): { readonly packages: Readonly<Record<string, LockedPackage>> } {
  return JSON.parse(readFileSync(packageFile('package-lock.json'), 'utf8'));
}

/** Those with a licence that is not allowed for what they are for, or without any. */
export function refusedPackages(packages: readonly Licensed[]): string[] {
  return packages
    .filter(({ licence, isShipped }) => {
      const fits = isShipped ? allowed : [...allowed, ...allowedForTools];
      return licence === null || !fits.includes(licence);
    })
    .map(({ name, licence }) => `${name}: ${licence ?? 'no licence'}`);
}

/** The page of the documentation; without versions, which `npm sbom` tells. */
export function licencePage(packages: readonly Licensed[]): string {
  const shipped = packages.filter(({ isShipped }) => isShipped);
  const tools = packages.filter(({ isShipped }) => !isShipped);
  return [
    '# Licences',
    '',
    'Tidemark is under the Apache License 2.0 ([LICENSE](../LICENSE)). `npm run licences` writes this page from the',
    'lock file; a test refuses a package whose licence is not in its list (`test/licences/licence-table.ts`).',
    'Versions, hashes and what needs what: `npm sbom --sbom-format cyclonedx --omit dev`, or `spdx`.',
    '',
    '## Installed with it, or built into its pages',
    '',
    ...table(shipped),
    '',
    '## What builds and tests it',
    '',
    ...table(tools),
    '',
    'The engine in `chdb` is ClickHouse (Apache-2.0) with what it is linked with, under licences of its own; its',
    'source has them. What the Python SDK needs is in [sdk-python.md](sdk-python.md).',
    '',
  ].join('\n');
}

function table(packages: readonly Licensed[]): string[] {
  const licences = [...new Set(packages.map(({ licence }) => licence ?? 'none'))].sort();
  const row = (licence: string) => {
    const names = packages.filter((each) => (each.licence ?? 'none') === licence).map(({ name }) => `\`${name}\``);
    return `| ${licence} | ${names.join(', ')} |`;
  };
  return ['| licence | packages |', '| --- | --- |', ...licences.map(row)];
}
