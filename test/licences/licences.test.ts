import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';
import {
  licencePage,
  licencesPath,
  licensedPackages,
  lockFile,
  namedByFile,
  refusedPackages,
} from './licence-table.js';

const packages = licensedPackages(lockFile());

test('no package has a licence that is not allowed, or none', () => {
  expect(packages.length).toBeGreaterThan(100);
  expect(refusedPackages(packages)).toEqual([]);
});

test('a package to be installed may not have the licence of a tool, nor any without a name', () => {
  const locked = {
    packages: {
      '': {},
      'node_modules/a': { license: 'MPL-2.0' },
      'node_modules/b': { license: 'MPL-2.0', dev: true },
      'node_modules/a/node_modules/c': { license: 'GPL-3.0-only', dev: true },
      'node_modules/react': { license: 'MPL-2.0', dev: true },
      'node_modules/d': {},
    },
  };
  const refused = refusedPackages(licensedPackages(locked));
  expect(refused).toEqual(['a: MPL-2.0', 'c: GPL-3.0-only', 'd: no licence', 'react: MPL-2.0']);
});

test('the licence of a package that names none is that of its file', () => {
  for (const [name, { begins }] of Object.entries(namedByFile)) {
    const file = packageFile(`node_modules/${name}/LICENSE`);
    // On a Node without a binary of it there is none.
    if (existsSync(file)) expect(readFileSync(file, 'utf8')).toMatch(begins);
  }
});

test('the page lists what is locked', () => {
  expect(readFileSync(packageFile(licencesPath), 'utf8')).toBe(licencePage(packages));
});
