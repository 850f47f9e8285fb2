import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { environmentExample, referenceSections, rewriteSections } from '../../src/cli/reference-tables.js';
import { configFields } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/load-config.js';
import { errorTable } from '../../src/core/errors.js';
import { eventFields } from '../../src/core/event-schema.js';
import { eventTypes } from '../../src/core/event-types.js';
import { packageFile } from '../../src/core/package-root.js';
import { metricsReference } from '../../src/telemetry/metrics-reference.js';
import { documentationPages } from '../support/doc-pages.js';
import { namesDocumented } from '../support/tidy-rules.js';

const sections = await referenceSections();
const pages = new Set(sections.map(({ page }) => page));

test.each([...pages])('%s holds its tables as they are generated now; npm run reference writes them', (page) => {
  const written = readFileSync(packageFile(page), 'utf8');
  const { text, missing } = rewriteSections(
    written,
    sections.filter((section) => section.page === page),
  );
  expect(missing).toEqual([]);
  expect(written).toBe(text);
});

function contentOf(name: string): string {
  return sections.find((section) => section.name === name)?.content ?? '';
}

test('each table has one row for each entry', () => {
  const rows = (section: string): string[] =>
    [...contentOf(section).matchAll(/^\| `([^`]+)/gm)].map((match) => match[1] ?? '');
  expect(rows('events')).toEqual(eventFields.map(({ name }) => name));
  expect(rows('event-types')).toEqual(Object.keys(eventTypes));
  expect(rows('errors')).toEqual(Object.keys(errorTable));
  expect(rows('configuration')).toEqual(configFields.map(({ variable }) => variable));
  expect(rows('metrics')).toEqual(metricsReference.map(({ name }) => name));
});

test('every row has as many cells as its head', () => {
  for (const { name, content } of sections) {
    const widths = content
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) => line.replaceAll('\\|', '').split('|').length);
    expect(new Set(widths).size, name).toBe(1);
  }
});

test('a page with nothing but the markers is filled so that no name is missing', () => {
  const empty = sections.map(({ name }) => `<!-- begin:${name} -->\n<!-- end:${name} -->\n`).join('\n');
  const page = { path: 'docs/page.md', text: rewriteSections(empty, sections).text };
  expect(namesDocumented(page, 'errors', new Set(Object.keys(errorTable)))).toEqual([]);
  expect(namesDocumented(page, 'metrics', new Set(metricsReference.map(({ name }) => name)))).toEqual([]);
});

test('sections are replaced between their markers and the rest is kept', () => {
  const given = [
    { name: 'a', content: 'NEW $& A' },
    { name: 'b', content: 'NEW B' },
  ];
  const text = 'top\n<!-- begin:a -->\nold\n<!-- end:a -->\nbottom\n';
  const first = rewriteSections(text, given);
  expect(first.text).toBe('top\n<!-- begin:a -->\n\nNEW $& A\n\n<!-- end:a -->\nbottom\n');
  expect(first.missing).toEqual(['b']);
  expect(rewriteSections(first.text, given).text).toBe(first.text);
});

test('.env.example holds every variable as it is generated now, and its lines are the defaults', () => {
  const written = readFileSync(packageFile('.env.example'), 'utf8');
  expect(written).toBe(environmentExample());
  const lines = [...written.matchAll(/^#(TIDEMARK_\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]);
  expect(lines.map(([name]) => name)).toEqual(['TIDEMARK_CONFIG', ...configFields.map(({ variable }) => variable)]);
  const machine = { cpus: 2 };
  const { TIDEMARK_CONFIG: _, ...env } = Object.fromEntries(lines);
  expect(loadConfig({ env, machine })).toEqual(loadConfig({ env: {}, machine }));
});

test('the examples of all pages use one name for the key', () => {
  for (const { path, text } of documentationPages()) {
    const names = [...text.matchAll(/Bearer \$\{?(\w+)/g)].map(([, name]) => name);
    expect(new Set([...names, 'KEY']), path).toEqual(new Set(['KEY']));
  }
});
