import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askEngine, engineAccess } from '../../bench/engine-access.js';
import { freePort } from '../../bench/free-port.js';
import { packageFile } from '../../src/core/package-root.js';

/** A ClickHouse server where none answers: events are taken and stay in the spool. */
export const awayStore = { TIDEMARK_CLICKHOUSE_URL: 'http://127.0.0.1:9' };

interface Dependency {
  readonly name: string;
  readonly status: string;
  readonly reason: string | null;
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
}

export interface DeepHealth {
  readonly status: string;
  readonly dependencies: readonly Dependency[];
  readonly ledger: { readonly spooled: number; readonly quarantined: number; readonly balanced: boolean };
}

export interface Asked {
  readonly status: number;
  readonly body: unknown;
}

/** The built collector with the keys of its own data directory, as far as it gets. */
export class CollectorRun {
  readonly #dataDir: string;
  readonly #child: ChildProcess;
  readonly #port: number;
  output = '';
  errors = '';

  private constructor(dataDir: string, port: number, env: Readonly<Record<string, string>>) {
    this.#dataDir = dataDir;
    this.#port = port;
    this.#child = spawn(process.execPath, [fileURLToPath(packageFile('dist/src/main.js'))], {
      env: { PATH: process.env.PATH ?? '', TIDEMARK_DATA_DIR: dataDir, TIDEMARK_PORT: String(port), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout!.on('data', (data: Buffer) => {
      this.output += data.toString();
    });
    this.#child.stderr!.on('data', (data: Buffer) => {
      this.errors += data.toString();
    });
  }

  static async begin(dataDir: string, env: Readonly<Record<string, string>> = {}): Promise<CollectorRun> {
    const [port, storePort] = [await freePort(), await freePort()];
    return new CollectorRun(dataDir, port, { TIDEMARK_CLICKHOUSE_PORT: String(storePort), ...env });
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Warnings and errors it logged, each once. */
  get words(): string[] {
    const lines = this.output.split('\n').filter((line) => line.startsWith('{'));
    const told = lines.map(
      (line) => JSON.parse(line) as { level: string; msg: string; cause?: string; error?: string },
    );
    const bad = told.filter(({ level }) => level === 'warn' || level === 'error' || level === 'fatal');
    return [...new Set(bad.map(({ msg, cause, error }) => [msg, cause ?? error].filter(Boolean).join(': ')))];
  }

  /** Resolves with true when `done` says so, false when the process has ended or the time is over. */
  async until(done: () => Promise<boolean>, msMax: number): Promise<boolean> {
    const endMs = performance.now() + msMax;
    while (!this.ended && performance.now() < endMs) {
      if (await done().catch(() => false)) return true;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return false;
  }

  async health(key: string): Promise<DeepHealth> {
    const response = await fetch(`http://127.0.0.1:${this.#port}/health/deep`, {
      headers: { authorization: `Bearer ${key}` },
    });
    if (response.status !== 200) throw new Error(`the health is answered ${response.status}`);
    return (await response.json()) as DeepHealth;
  }

  /** Nobody has the key any more: its file is gone, or was emptied. */
  async refuses(key: string): Promise<boolean> {
    return (await this.ask('GET', '/health/deep', key)).status === 401;
  }

  /** A request of the API; the answer's body as it is, null when there is none. */
  async ask(method: string, path: string, key: string, body?: object): Promise<Asked> {
    const headers = {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const response = await fetch(`http://127.0.0.1:${this.#port}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  }

  /** The value of a series of `/metrics`, as it is written there. */
  async metric(series: string): Promise<number> {
    const page = await (await fetch(`http://127.0.0.1:${this.#port}/metrics`)).text();
    return Number(
      page
        .split('\n')
        .find((line) => line.startsWith(`${series} `))
        ?.slice(series.length),
    );
  }

  async post(events: readonly object[], key: string, idempotencyKey?: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.#port}/v1/events`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      },
      body: JSON.stringify(events),
    });
    await response.text();
    return response.status;
  }

  /** Rows of the store as objects; rejects while it is away. */
  async rows<Row>(sql: string): Promise<Row[]> {
    const { status, bytes } = await askEngine(engineAccess(this.#dataDir), `${sql} FORMAT JSON`);
    if (status !== 200) throw new Error(bytes.toString('utf8'));
    return (JSON.parse(bytes.toString('utf8')) as { readonly data: Row[] }).data;
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.ended) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill(signal);
    // A collector that does not end when it is asked to is ended.
    const last = setTimeout(() => this.#child.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(last);
  }
}

export function adminKeyOf(dataDir: string): string {
  return readFileSync(join(dataDir, 'admin-key'), 'utf8').trim();
}
