import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';
import { pagePaths } from '../../src/ui-assets/page-paths.js';

test('the collector serves the address of every page, and no other', () => {
  const source = readFileSync(packageFile('src/ui/app.tsx'), 'utf8');
  const routed = [...source.matchAll(/^ {2}\['([^']+)', page\(/gm)].map(([, path = '']) =>
    path.replaceAll(/:(\w+)/g, '{$1}'),
  );
  expect(routed.toSorted()).toEqual(['/', ...pagePaths].toSorted());
});
