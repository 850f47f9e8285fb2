import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../bench/free-port.js';
import { type Collector, createCollector } from '../../src/collector.js';
import { readConfig } from '../../src/config/read-config.js';
import { systemRandom } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import { packageFile } from '../../src/core/package-root.js';
import { silentProgress } from '../../src/core/progress.js';
import { enginePidOf } from '../support/collector-process.js';
import { hasProgram } from '../support/doc-examples.js';
import { SteppedClock } from '../support/stepped-clock.js';
import { layStore } from '../support/store-template.js';

/**
 * A Prometheus server with the configuration and rules of the repository, at a collector in this process, whose clock
 * can be set and whose engine is a process of its own. What alerts wait for is shortened, and nothing else of them.
 */
const key = 'tdm_test_key_of_prometheus';
const metricsKey = 'tdm_test_key_of_metrics';
const rules = fileURLToPath(packageFile('src/telemetry/prometheus'));
const soon = { timeout: 120_000, interval: 250 };

/** An alert waits two seconds, events may be three seconds late, and restarts are counted over half a minute. */
function hastened(text: string): string {
  return text
    .replace(/\bfor: \d+[mh]\b/g, 'for: 2s')
    .replace('tidemark_spool_oldest_age_seconds[5m]) > 120', 'tidemark_spool_oldest_age_seconds[5m]) > 3')
    .replace(/(tidemark_engine_restarts_total offset) 15m/, '$1 30s');
}

class Watched {
  readonly clock = new SteppedClock();
  readonly directory = mkdtempSync(join(tmpdir(), 'tidemark-watched-'));
  #collector: Collector | null = null;
  #prometheus: ChildProcess | null = null;
  #said = '';
  port = 0;
  #prometheusPort = 0;

  async startCollector(): Promise<void> {
    this.port ||= await freePort();
    const env = {
      TIDEMARK_DATA_DIR: join(this.directory, 'data'),
      TIDEMARK_PORT: String(this.port),
      TIDEMARK_CLICKHOUSE_PORT: '0',
      TIDEMARK_API_KEYS: `${key}:default:admin`,
      TIDEMARK_METRICS_KEY: metricsKey,
      TIDEMARK_METRICS_WITHOUT_KEY: 'nobody',
      TIDEMARK_STOP_DEADLINE_MS: '2000',
      // Or the time of its last success is that of a clock that was wrong.
      TIDEMARK_MAINTENANCE_SCHEDULE: 'off',
    };
    const { config } = readConfig({ env, argv: [] });
    await layStore(join(config.dataDir, 'engine'));
    const ports = { clock: this.clock, random: systemRandom, logger: silentLogger, progress: silentProgress };
    this.#collector = createCollector(ports, { config, version: '0' });
    await this.#collector.start();
  }

  async stopCollector(): Promise<void> {
    await this.#collector?.stop(2_000);
    this.#collector = null;
  }

  async startPrometheus(): Promise<void> {
    const place = join(this.directory, 'prometheus');
    mkdirSync(join(place, 'tidemark'), { recursive: true });
    for (const name of ['recording-rules.yml', 'alert-rules.yml'])
      writeFileSync(join(place, 'tidemark', name), hastened(readFileSync(join(rules, name), 'utf8')));
    writeFileSync(join(place, 'metrics-key'), metricsKey);
    const config = readFileSync(join(rules, 'prometheus.yml'), 'utf8')
      .replaceAll('15s', '1s')
      .replace('/secrets/metrics-key', join(place, 'metrics-key'))
      .replace('collector:7077', `127.0.0.1:${this.port}`);
    writeFileSync(join(place, 'prometheus.yml'), config);
    this.#prometheusPort = await freePort();
    const listen = `--web.listen-address=127.0.0.1:${this.#prometheusPort}`;
    const args = ['--config.file=prometheus.yml', '--storage.tsdb.path=tsdb', listen];
    this.#prometheus = spawn('prometheus', args, { cwd: place, stdio: ['ignore', 'ignore', 'pipe'] });
    this.#prometheus.stderr!.on('data', (data: Buffer) => {
      this.#said = (this.#said + data.toString()).slice(-5_000);
    });
  }

  /** Names of the alerts that fire, in order. */
  async firing(): Promise<string[]> {
    const { alerts } = await this.#ask<{ readonly alerts: readonly Alert[] }>('alerts');
    return alerts.flatMap(({ state, labels }) => (state === 'firing' ? [labels.alertname] : [])).sort();
  }

  /** `up`, or how reading the page fails. */
  async health(): Promise<string> {
    const { activeTargets } = await this.#ask<{ readonly activeTargets: readonly Target[] }>('targets?state=active');
    return activeTargets.map(({ health, lastError }) => `${health}${lastError}`).join();
  }

  /** How many series an expression of a dashboard has; throws where Prometheus does not understand it. */
  async seriesOf(expression: string): Promise<number> {
    const query = encodeURIComponent(expression.replaceAll('$__rate_interval', '1m'));
    return (await this.#ask<{ readonly result: readonly unknown[] }>(`query?query=${query}`)).result.length;
  }

  async post(task: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.port}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'task.completed', agent_id: 'watched', task_id: task, duration_ms: 5 }),
    });
    await response.arrayBuffer();
    return response.status;
  }

  signalEngine(signal: NodeJS.Signals): boolean {
    const pid = enginePidOf(process.pid);
    return pid !== undefined && process.kill(pid, signal);
  }

  spoolFiles(): string[] {
    return readdirSync(join(this.directory, 'data', 'spool')).map((name) =>
      join(this.directory, 'data', 'spool', name),
    );
  }

  async end(): Promise<void> {
    this.#prometheus?.kill('SIGTERM');
    await this.stopCollector();
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  async #ask<Data>(path: string): Promise<Data> {
    const url = `http://127.0.0.1:${this.#prometheusPort}/api/v1/${path}`;
    try {
      return ((await (await fetch(url)).json()) as { readonly data: Data }).data;
    } catch (cause) {
      throw new Error(`Prometheus does not answer: ${this.#said}`, { cause });
    }
  }
}

interface Alert {
  readonly state: string;
  readonly labels: { readonly alertname: string };
}

interface Target {
  readonly health: string;
  readonly lastError: string;
}

/** What the panels of all dashboards ask Prometheus. */
function expressions(): string[] {
  const directory = fileURLToPath(packageFile('clickhouse/grafana/dashboards'));
  return readdirSync(directory).flatMap((name) => {
    const board = JSON.parse(readFileSync(join(directory, name), 'utf8')) as Board;
    return board.panels.flatMap(({ targets }) => targets ?? []).flatMap(({ expr }) => expr ?? []);
  });
}

interface Board {
  readonly panels: readonly { readonly targets?: readonly { readonly expr?: string }[] }[];
}

const isMissing = !hasProgram('prometheus');
if (isMissing) process.stderr.write('Prometheus is missing: nothing scrapes a collector\n');
const watched = new Watched();

beforeAll(async () => {
  if (isMissing) return;
  await watched.startCollector();
  await watched.startPrometheus();
});

afterAll(() => watched.end());

test.skipIf(isMissing)(
  'reads the page with the key of metrics, and has nothing to say of a collector that is well',
  async () => {
    await expect.poll(() => watched.health().catch(String), soon).toBe('up');
    expect((await fetch(`http://127.0.0.1:${watched.port}/metrics`)).status).toBe(401);
    expect(await watched.post('first')).toBe(202);
    await expect.poll(() => watched.firing(), soon).toEqual([]);
  },
);

test.skipIf(isMissing)('answers what the dashboards ask it', async () => {
  const asked = expressions();
  expect(asked.length).toBeGreaterThan(20);
  for (const expression of asked.filter((text) => !text.includes('rate(')))
    await expect.poll(() => watched.seriesOf(expression), { ...soon, message: expression }).toBe(1);
  for (const expression of asked) expect(await watched.seriesOf(expression), expression).toBeGreaterThanOrEqual(0);
});

test.skipIf(isMissing)('says that a clock is not set or was set back, until it is right', async () => {
  const right = Date.now();
  watched.clock.set(60_000);
  await expect.poll(() => watched.firing(), soon).toContain('TidemarkClockUnset');
  watched.clock.set(right - 3_600_000);
  await expect.poll(() => watched.firing(), soon).toEqual(['TidemarkClockBehind']);
  watched.clock.offsetMs = 0;
  await expect.poll(() => watched.firing(), soon).toEqual([]);
});

test.skipIf(isMissing)('says that events wait for an engine that stands still, until it goes on', async () => {
  expect(watched.signalEngine('SIGSTOP')).toBe(true);
  try {
    expect(await watched.post('waits')).toBe(202);
    await expect.poll(() => watched.firing(), soon).toContain('TidemarkEventsNotDelivered');
  } finally {
    watched.signalEngine('SIGCONT');
  }
  await expect.poll(() => watched.firing(), soon).toEqual([]);
});

test.skipIf(isMissing)('says that the engine ends again and again, until it stays', async () => {
  for (let times = 0; times < 2; times += 1) {
    const pid = enginePidOf(process.pid)!;
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => enginePidOf(process.pid) ?? pid, soon).not.toBe(pid);
  }
  await expect.poll(() => watched.firing(), soon).toContain('TidemarkEngineRestarts');
  await expect.poll(() => watched.firing(), soon).toEqual([]);
});

test.skipIf(isMissing)(
  'says that a segment was set aside, and that the collector is away, until neither is so',
  async () => {
    watched.signalEngine('SIGSTOP');
    expect(await watched.post('damaged')).toBe(202);
    await watched.stopCollector();
    await expect.poll(() => watched.firing(), soon).toContain('TidemarkDown');
    const data = watched.spoolFiles().filter((name) => name.endsWith('.data'));
    expect(data).toHaveLength(1);
    const bytes = readFileSync(data[0]!);
    bytes[bytes.length >> 1]! ^= 0xff;
    writeFileSync(data[0]!, bytes);
    await watched.startCollector();
    await expect.poll(() => watched.firing(), soon).toEqual(['TidemarkEventsQuarantined']);

    await watched.stopCollector();
    for (const name of watched.spoolFiles().filter((path) => path.endsWith('.quarantined')))
      renameSync(name, join(watched.directory, name.slice(name.lastIndexOf('/') + 1)));
    await watched.startCollector();
    await expect.poll(() => watched.firing(), soon).toEqual([]);
  },
);
