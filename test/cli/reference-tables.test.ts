import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { environmentExample, referenceSections, rewriteSections } from '../../src/cli/reference-tables.js';
import { configFields } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/load-config.js';
import { errorTable } from '../../src/core/errors.js';
import { eventFields } from '../../src/core/event-schema.js';
import { eventTypes } from '../../src/core/event-types.js';
import { packageFile } from '../../src/core/package-root.js';
import { metricsReference } from '../../src/telemetry/metrics-reference.js';
import { namesDocumented } from '../support/tidy-rules.js';

test('README.md holds the reference as it is generated now; npm run reference writes it', () => {
  const written = readFileSync(packageFile('README.md'), 'utf8');
  const { text, missing } = rewriteSections(written, referenceSections());
  expect(missing).toEqual([]);
  expect(written).toBe(text);
});

test('each table has one row for each entry', () => {
  const rows = (section: string): string[] =>
    [...(referenceSections().get(section) ?? '').matchAll(/^\| `([^`]+)/gm)].map((match) => match[1] ?? '');
  expect(rows('events')).toEqual(eventFields.map(({ name }) => name));
  expect(rows('event-types')).toEqual(Object.keys(eventTypes));
  expect(rows('errors')).toEqual(Object.keys(errorTable));
  expect(rows('configuration')).toEqual(configFields.map(({ variable }) => variable));
  expect(rows('metrics')).toEqual(metricsReference.map(({ name }) => name));
});

test('every row has as many cells as its head', () => {
  for (const [name, content] of referenceSections()) {
    const widths = content
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) => line.replaceAll('\\|', '').split('|').length);
    expect(new Set(widths).size, name).toBe(1);
  }
});

test('a README with nothing but the markers is filled so that no name is missing', () => {
  const sections = referenceSections();
  const empty = [...sections.keys()].map((name) => `<!-- begin:${name} -->\n<!-- end:${name} -->\n`).join('\n');
  const readme = { path: 'README.md', text: rewriteSections(empty, sections).text };
  expect(namesDocumented(readme, 'errors', new Set(Object.keys(errorTable)))).toEqual([]);
  expect(namesDocumented(readme, 'metrics', new Set(metricsReference.map(({ name }) => name)))).toEqual([]);
});

test('sections are replaced between their markers and the rest is kept', () => {
  const sections = new Map([
    ['a', 'NEW $& A'],
    ['b', 'NEW B'],
  ]);
  const text = 'top\n<!-- begin:a -->\nold\n<!-- end:a -->\nbottom\n';
  const first = rewriteSections(text, sections);
  expect(first.text).toBe('top\n<!-- begin:a -->\n\nNEW $& A\n\n<!-- end:a -->\nbottom\n');
  expect(first.missing).toEqual(['b']);
  expect(rewriteSections(first.text, sections).text).toBe(first.text);
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

test('the examples of the README and the docs use one name for the key', () => {
  const docs = readdirSync(packageFile('docs')).map((name) => `docs/${name}`);
  for (const path of ['README.md', ...docs]) {
    const text = readFileSync(packageFile(path), 'utf8');
    const names = [...text.matchAll(/Bearer \$\{?(\w+)/g)].map(([, name]) => name);
    expect(new Set([...names, 'KEY']), path).toEqual(new Set(['KEY']));
  }
});
