import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';
import { metricsReference } from '../../src/telemetry/metrics-reference.js';
import { tempDir } from '../support/temp-dir.js';

const directory = fileURLToPath(packageFile('src/telemetry/prometheus'));
const recordingRules = readFileSync(join(directory, 'recording-rules.yml'), 'utf8');
const alertRules = readFileSync(join(directory, 'alert-rules.yml'), 'utf8');
const ruleTests = readFileSync(join(directory, 'rules-test.yml'), 'utf8');
const section =
  /\n## Prometheus\n([\s\S]*?)\n## /.exec(readFileSync(packageFile('docs/metrics.md'), 'utf8'))?.[1] ?? '';
const alertNames = [...alertRules.matchAll(/- alert: (\w+)/g)].map((match) => match[1]!);
const recordedNames = [...recordingRules.matchAll(/- record: (\S+)/g)].map((match) => match[1]!);

test('rules and runbooks name only metrics that are on the page', () => {
  const declared = new Set(
    metricsReference.flatMap(({ name, type }) =>
      type === 'histogram' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
  const labels = new Set(metricsReference.flatMap((metric) => metric.labels));
  for (const text of [recordingRules, alertRules, ruleTests]) {
    // Recorded series carry the name of their metric within their own, after a colon.
    const names = [...text.matchAll(/(?<![\w:])(?:tidemark|agent)_\w+/g)].map((match) => match[0]);
    const unknown = names.filter((name) => !declared.has(name) && !labels.has(name));
    expect(names.length).toBeGreaterThan(20);
    expect(unknown).toEqual([]);
  }
});

test('what alerts and tests read of recorded series is recorded, under a name of its own', () => {
  const read = [...`${alertRules}${ruleTests}`.matchAll(/\b(?:agent|collector):\w+:?\w*/g)].map((match) => match[0]);
  expect(new Set(recordedNames).size).toBe(recordedNames.length);
  expect(read.filter((name) => !recordedNames.includes(name))).toEqual([]);
});

test('every alert says how severe it is, what it means and what to do, and is shown firing', () => {
  expect(alertNames.length).toBeGreaterThan(10);
  for (const alert of alertRules.split('- alert: ').slice(1)) {
    const name = /^\w+/.exec(alert)![0];
    expect(alert, name).toMatch(/severity: (critical|warning|info)/);
    for (const annotation of ['summary', 'description', 'runbook']) expect(alert, name).toContain(`${annotation}: `);
    expect(ruleTests).toMatch(new RegExp(`alertname="${name}"|alertname: ${name}\\n`));
  }
});

test('the documentation lists every alert under its severity', () => {
  for (const alert of alertRules.split('- alert: ').slice(1)) {
    const [name, severity] = [/^\w+/.exec(alert)![0], /severity: (\w+)/.exec(alert)![1]];
    const row = section.split('\n').find((line) => line.startsWith(`| ${severity} |`));
    expect(row).toContain(`\`${name}\``);
  }
});

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
const promtool = (args: readonly string[], cwd: string): readonly [number | null, string] => {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd, encoding: 'utf8' });
  return [status, stdout + stderr];
};

describe.skipIf(!hasPromtool)('with promtool (skipped where it is not installed)', () => {
  test('the rules are valid', () => {
    const [status, output] = promtool(['check', 'rules', 'recording-rules.yml', 'alert-rules.yml'], directory);
    expect(status, output).toBe(0);
    expect(output).toContain(`SUCCESS: ${recordedNames.length} rules found`);
    expect(output).toContain(`SUCCESS: ${alertNames.length} rules found`);
  });

  test('alerts fire for what is ill and for nothing else, and recorded series have the right values', () => {
    const [status, output] = promtool(['test', 'rules', 'rules-test.yml'], directory);
    expect(status, output).toBe(0);
  });

  test('the configuration shown in the documentation is accepted, with its rule files', () => {
    const config = /```yaml\n([\s\S]*?)```/.exec(section)?.[1] ?? '';
    expect(config).toContain('scrape_configs:');
    const place = tempDir();
    symlinkSync(directory, join(place, 'tidemark'));
    // promtool looks whether the file with the key is there.
    const key = join(place, 'metrics-key');
    writeFileSync(key, 'a-key-of-metrics');
    writeFileSync(join(place, 'prometheus.yml'), config.replace('/etc/prometheus/tidemark-metrics-key', key));
    const [status, output] = promtool(['check', 'config', 'prometheus.yml'], place);
    expect(status, output).toBe(0);
    expect(output).toContain('2 rule files found');
  });
});
