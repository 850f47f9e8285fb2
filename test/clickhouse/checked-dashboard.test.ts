import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';
import type { CheckedDashboard } from './checked-dashboard.js';

const place = mkdtempSync(join(tmpdir(), 'tidemark-dashboards-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const pathOf = (path: string) => fileURLToPath(packageFile(path));

/** Its name, which the compiler keeps true, for what is compiled later. */
const typeName: keyof { CheckedDashboard: CheckedDashboard } = 'CheckedDashboard';

/** What the compiler says of each dashboard, a line each; nothing: it has the type. */
function complaints(boards: Readonly<Record<string, string>>): string[] {
  const files = Object.entries(boards).map(([name, json]) => {
    const from = pathOf('test/clickhouse/checked-dashboard.js');
    const lines = [`import type { ${typeName} } from '${from}';`, `export const board: ${typeName} = ${json};`];
    writeFileSync(join(place, `${name}.mts`), lines.join('\n'));
    return `${name}.mts`;
  });
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--pretty', 'false'];
  const words = [pathOf('node_modules/typescript/bin/tsc'), ...options, ...files];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { cwd: place, encoding: 'utf8' });
  expect(stderr).toBe('');
  const lines = stdout.split('\n').filter((line) => line.includes('error TS'));
  expect(status === 0).toBe(lines.length === 0);
  return lines;
}

const boards = Object.fromEntries(
  readdirSync(packageFile('clickhouse/grafana/dashboards')).map((name) => [
    name.replace('.json', ''),
    readFileSync(packageFile(`clickhouse/grafana/dashboards/${name}`), 'utf8'),
  ]),
);

test('every dashboard has the fields and values that Grafana knows, and no others', () => {
  expect(Object.keys(boards)).toHaveLength(5);
  expect(complaints(boards)).toEqual([]);
});

test('a field or a value that Grafana does not know is found, wherever it stands', () => {
  const changes = {
    dashboard: ['"graphTooltip": 1', '"graphTooltip": 7'],
    link: ['"includeVars"', '"includesVars"'],
    option: ['"graphMode": "none"', '"graphMode": "nothing"'],
    query: ['"rawSql": "SELECT count() AS', '"sql": "SELECT count() AS'],
    series: ['"lineWidth"', '"widthOfLine"'],
    variable: ['"includeAll"', '"includesAll"'],
  } as const;
  const changed = Object.entries(changes).map(([name, [good, bad]]) => [
    name,
    Object.values(boards)
      .find((json) => json.includes(good))!
      .replace(good, bad),
  ]);
  const found = complaints(Object.fromEntries(changed));
  expect(found.map((line) => line.replace(/\.mts.*/, '')).sort()).toEqual(Object.keys(changes));
});
