import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';
import { defaultConfig } from '../support/default-config.js';
import { hasProgram } from '../support/doc-examples.js';
import { tempDir } from '../support/temp-dir.js';

/** What docs/deployment.md shows, read by the programs that it is for. */
const page = readFileSync(packageFile('docs/deployment.md'), 'utf8');

function shown(language: string): string {
  const texts = [...page.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))];
  expect(texts).toHaveLength(1);
  return texts[0]![1]!;
}

const noSystemd = !hasProgram('systemd-analyze');

test.skipIf(noSystemd)('systemd understands the unit (skipped where it is not installed)', () => {
  const unit = shown('ini');
  const path = join(tempDir(), 'tidemark.service');
  // Node is elsewhere on some machines, which is not what is asked.
  writeFileSync(path, unit.replace('/usr/bin/node', process.execPath));
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
  expect([status, stdout + stderr]).toEqual([0, '']);
  expect(secondsOf(/TimeoutStopSec=(\d+)/, unit) * 1000).toBeGreaterThan(2 * defaultConfig.stopDeadlineMs);
});

interface StatefulSet {
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly spec: {
        readonly enableServiceLinks?: boolean;
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly {
          readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
          readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
        }[];
        readonly volumes: readonly { readonly name: string }[];
      };
    };
    readonly volumeClaimTemplates: readonly { readonly metadata: { readonly name: string } }[];
  };
}

test.skipIf(!hasProgram('go'))(
  'Kubernetes has every field of the manifest (skipped where Go is not installed)',
  () => {
    const path = join(tempDir(), 'tidemark.yaml');
    writeFileSync(path, shown('yaml'));
    const cwd = fileURLToPath(packageFile('test/package/kubernetes/'));
    const { status, stdout, stderr } = spawnSync('go', ['run', '.', path], { cwd, encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    const [service, set] = stdout.trim().split('\n');
    expect(JSON.parse(service!)).toMatchObject({ spec: { ports: [{ port: defaultConfig.port }] } });
    const { replicas, template, volumeClaimTemplates } = (JSON.parse(set!) as StatefulSet).spec;
    const { containers, volumes, enableServiceLinks, terminationGracePeriodSeconds } = template.spec;
    expect([replicas, enableServiceLinks]).toEqual([1, false]);
    expect(terminationGracePeriodSeconds * 1000).toBeGreaterThan(2 * defaultConfig.stopDeadlineMs);
    expect(containers[0]!.ports).toEqual([{ name: 'http', containerPort: defaultConfig.port }]);
    const had = [...volumes.map(({ name }) => name), ...volumeClaimTemplates.map(({ metadata }) => metadata.name)];
    expect(containers[0]!.volumeMounts.map(({ name }) => name).sort()).toEqual(had.sort());
    // What the image writes.
    const image = readFileSync(packageFile('Dockerfile'), 'utf8');
    expect(containers[0]!.volumeMounts.map(({ mountPath }) => mountPath).sort()).toEqual(['/data', '/tmp']);
    expect(image).toContain('TIDEMARK_DATA_DIR=/data\n');
  },
  300_000,
);

test('the page says of every alert what it means, and marks those that were made to fire', () => {
  const rules = readFileSync(packageFile('src/telemetry/prometheus/alert-rules.yml'), 'utf8');
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map((match) => match[1]!);
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  const named = rows.flatMap((row) => row.split('|')[1]!.match(/\w+/g) ?? []);
  expect(named.sort()).toEqual(alerts.sort());
  const fired = readFileSync(packageFile('test/telemetry/prometheus-server.test.ts'), 'utf8').match(
    /'Tidemark[A-Z]\w+'/g,
  );
  const marked = rows.flatMap((row) => row.match(/`\w+`(?= \*)/g) ?? []);
  expect(marked.map((name) => name.replaceAll('`', "'")).sort()).toEqual([...new Set(fired)].sort());
});

function secondsOf(pattern: RegExp, text: string): number {
  return Number(pattern.exec(text)?.[1]);
}
