import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';
import { pagePaths } from '../../src/ui-assets/page-paths.js';

/** The build as it is served: `npm run build` has made it. */
const root = fileURLToPath(packageFile('dist/ui/'));
const assets = readdirSync(`${root}assets`);
const textOf = (name: string): string => readFileSync(`${root}assets/${name}`, 'utf8');
const gzipBytes = (name: string): number => readFileSync(`${root}assets/${name}.gz`).byteLength;

const index = readFileSync(`${root}index.html`, 'utf8');
const first = [...index.matchAll(/(?:src|href)="\/assets\/([^"]+)"/g)].map(([, name = '']) => name);

/** What a script loads with itself, not what it may load later. */
function withImports(name: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const [, imported = ''] of textOf(name).matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g))
    withImports(imported, seen);
  return seen;
}

function scriptsOf(page: string): readonly string[] {
  const chunk = assets.find((name) => name.startsWith(`${page}-`) && name.endsWith('.js'));
  if (chunk === undefined) throw new Error(`there is no chunk ${page}`);
  const all = new Set(
    [...first.filter((name) => name.endsWith('.js')), chunk].flatMap((name) => [...withImports(name)]),
  );
  return [...all];
}

const pageChunks = assets
  .filter((name) => /-page-[\w-]+\.js$/.test(name))
  .map((name) => name.replace(/-[\w-]{8}\.js$/, ''));

test('every page is a chunk of its own', () => {
  expect(pageChunks).toHaveLength(pagePaths.length + 1);
});

test.each(pageChunks)('%s loads at most 150 kB of gzipped JavaScript, with all it needs', (page) => {
  const bytes = scriptsOf(page).reduce((sum, name) => sum + gzipBytes(name), 0);
  expect(bytes).toBeGreaterThan(60_000);
  expect(bytes).toBeLessThanOrEqual(150_000);
});

test('all styles together are at most 15 kB gzipped', () => {
  const styles = assets.filter((name) => name.endsWith('.css'));
  expect(styles.length).toBeGreaterThan(0);
  expect(styles.reduce((sum, name) => sum + gzipBytes(name), 0)).toBeLessThanOrEqual(15_000);
});

test('the document holds no script, no style and no address of another origin', () => {
  expect(index).not.toMatch(/<script(?![^>]*src=)|<style|style=|https?:/);
  expect(first.length).toBeGreaterThan(1);
});

test('no script is made of text, and none loads from elsewhere', () => {
  for (const name of assets.filter((asset) => asset.endsWith('.js'))) {
    const text = textOf(name);
    expect(text).not.toMatch(/\beval\(|new Function\(/);
    expect(text).not.toMatch(/import\(\s*["'`]https?:/);
  }
});
