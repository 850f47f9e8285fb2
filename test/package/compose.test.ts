import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/load-config.js';
import { packageFile } from '../../src/core/package-root.js';
import { defaultConfig } from '../support/default-config.js';
import { hasProgram } from '../support/doc-examples.js';
import { tempDir } from '../support/temp-dir.js';

/** docker-compose.yml as the library of `docker compose` loads it, held against the configuration of the collector. */

interface Service {
  readonly command: readonly string[] | null;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly { readonly host_ip: string; readonly target: number; readonly published: string }[];
  readonly volumes?: readonly { readonly type: string; readonly source: string; readonly target: string }[];
  readonly mem_limit?: string;
  readonly stop_grace_period?: string;
  readonly network_mode?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly tmpfs?: readonly string[];
}

interface Project {
  readonly services: Readonly<Record<string, Service>>;
  readonly configs: Readonly<Record<string, { readonly content?: string }>>;
}

const file = fileURLToPath(packageFile('docker-compose.yml'));
const root = fileURLToPath(packageFile(''));

function load(profiles: readonly string[]): Project {
  const { status, stdout, stderr } = spawnSync('go', ['run', '.', file, ...profiles], {
    cwd: fileURLToPath(packageFile('test/package/compose/')),
    encoding: 'utf8',
    env: { ...process.env, COMPOSE_PROFILES: profiles.join(',') },
  });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as Project;
}

/** What the service `secrets` writes below `place`, by the command in the file. */
function makeSecrets(project: Project, place: string): void {
  const script = project.services.secrets!.command!.join('\n').replaceAll('/secrets/', `${place}/`);
  const { status, stderr } = spawnSync(process.execPath, ['-e', script], {
    encoding: 'utf8',
    env: { ...process.env, ...project.services.secrets!.environment },
  });
  expect(status, stderr).toBe(0);
}

const users = ['own', 'collector', 'clickhouse', 'prometheus', 'grafana'];

function secretsOf(project: Project): string {
  const place = tempDir();
  for (const user of users) mkdirSync(join(place, user));
  makeSecrets(project, place);
  return place;
}

function configOf({ services }: Project, place: string): Config {
  const env = services.collector!.environment!;
  const path = env.TIDEMARK_CONFIG!.replace('/secrets', join(place, 'collector'));
  const machine = { cpus: 2, hostname: 'box' };
  const { config, problems } = loadConfig({ env, machine, file: { path, text: readFileSync(path, 'utf8') } });
  expect(problems).toBeUndefined();
  return config!;
}

const isMissing = !hasProgram('go');
if (isMissing) process.stderr.write('docker-compose.yml is not loaded: Go is missing\n');
let embedded: Project;
let served: Project;

beforeAll(() => {
  if (isMissing) return;
  embedded = load([]);
  served = load(['server']);
});

test.skipIf(isMissing)('starts an engine of its own, or with the profile `server` uses the one there', () => {
  expect(Object.keys(embedded.services).sort()).toEqual(['collector', 'grafana', 'prometheus', 'secrets']);
  expect(Object.keys(served.services)).toContain('clickhouse');
  const own = configOf(embedded, secretsOf(embedded)).clickhouse;
  expect(own.url).toBe(defaultConfig.clickhouse.url);
  expect(own.readerPassword).toMatch(/^[\w-]{32}$/);
  const place = secretsOf(served);
  const { clickhouse } = configOf(served, place);
  expect(clickhouse).toMatchObject({ url: 'http://server:8123', user: 'tidemark' });
  expect(clickhouse.password).toBe(readFileSync(join(place, 'clickhouse/writer-password'), 'utf8'));
});

test.skipIf(isMissing)('makes its secrets at the first start, shows each service its own, and keeps them', () => {
  const place = secretsOf(embedded);
  const seen = () => Object.fromEntries(users.map((user) => [user, readdirSync(join(place, user)).sort()]));
  expect(seen()).toEqual({
    own: ['grafana-password', 'metrics-key', 'reader-password', 'writer-password'],
    collector: ['tidemark.json'],
    clickhouse: ['reader-password', 'writer-password'],
    prometheus: ['metrics-key'],
    grafana: ['grafana-password', 'reader-password'],
  });
  const copy = tempDir();
  cpSync(place, copy, { recursive: true });
  makeSecrets(embedded, place);
  for (const user of users)
    for (const name of readdirSync(join(place, user)))
      expect(readFileSync(join(place, user, name))).toEqual(readFileSync(join(copy, user, name)));
  expect(readFileSync(file, 'utf8').match(/\$\{(?!COMPOSE_PROFILES)/)).toBe(null);
});

test.skipIf(isMissing)('has the ports, paths and names that the collector has', () => {
  const { collector, prometheus } = embedded.services;
  const config = configOf(embedded, secretsOf(embedded));
  expect(collector!.ports!.map(({ target }) => target)).toContain(config.port);
  expect(readFileSync(packageFile('Dockerfile'), 'utf8')).toContain(`EXPOSE ${config.port}\n`);
  const scrape = readFileSync(packageFile('src/telemetry/prometheus/prometheus.yml'), 'utf8');
  expect(scrape).toContain(`targets: [collector:${config.port}]`);
  expect(scrape).toContain('credentials_file: /secrets/metrics-key');
  expect(prometheus!.volumes!.map(({ target }) => target)).toContain('/secrets');
  for (const { ports = [] } of Object.values(served.services))
    for (const { host_ip, target, published } of ports)
      expect([host_ip, published]).toEqual(['127.0.0.1', `${target}`]);
  for (const { volumes = [] } of Object.values(served.services))
    for (const { type, source } of volumes) {
      if (type === 'bind') expect(existsSync(source) && source.startsWith(root), source).toBe(true);
    }
  expect(Number.parseInt(collector!.stop_grace_period!, 10) * 1000).toBeGreaterThan(2 * config.stopDeadlineMs);
});

test.skipIf(isMissing)('gives Grafana all that the provisioning asks for, as users that there are', () => {
  const provisioning = readFileSync(packageFile('clickhouse/grafana/provisioning/datasources/tidemark.yaml'), 'utf8');
  const asked = new Set(provisioning.match(/(?<=\$)TIDEMARK_\w+/g));
  for (const project of [embedded, served]) {
    const { environment, command, network_mode } = project.services.grafana!;
    const set = [...Object.keys(environment!), ...(command!.join('\n').match(/TIDEMARK_\w+/g) ?? [])];
    expect([...asked].filter((name) => !set.includes(name))).toEqual([]);
    expect(environment!.TIDEMARK_GRAFANA_CLICKHOUSE_USER).toBe('default');
    expect(network_mode).toBe('service:collector');
  }
  expect(embedded.services.grafana!.environment!.TIDEMARK_GRAFANA_CLICKHOUSE_HOST).toBe('127.0.0.1');
  expect(served.services.grafana!.environment!.TIDEMARK_GRAFANA_CLICKHOUSE_HOST).toBe('server');
  const xml = served.configs['clickhouse-users']!.content!;
  expect(xml.match(/<(default|tidemark)[ >]/g)).toHaveLength(2);
});

test.skipIf(isMissing)('limits the memory of all, and the rights of what is ours', () => {
  for (const [name, { mem_limit }] of Object.entries(served.services))
    expect(Number(mem_limit), name).toBeGreaterThan(0);
  for (const name of ['collector', 'secrets']) {
    const service = served.services[name]!;
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
  }
  expect(served.services.collector!.tmpfs).toEqual(['/tmp']);
});
