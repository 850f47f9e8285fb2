import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askEngine, engineAccess } from '../../bench/engine-access.js';
import { freePort } from '../../bench/free-port.js';
import { packageFile } from '../../src/core/package-root.js';
import { socketServer } from './socket-server.js';
import { layStore } from './store-template.js';

export const testKey = 'tdm_test_key_of_the_end_to_end_tests';

/**
 * A row is in the store soon after it is sent: whoever waits for it asks again and again, and each question costs as
 * much as three events do. Under a steady stream this makes more and smaller inserts than the default of 800 ms.
 */
const soonStored = { TIDEMARK_SPOOL_SEGMENT_AGE_MS_MIN: '50' };

/** A read that is late on a machine that does much else is not one that is refused. */
const patient = { TIDEMARK_QUERY_TIMEOUT_MS: '60000' };

/** For so long the page of metrics is not made again (`src/telemetry/cached-page.ts`). */
const metricsPageMs = 1_000;

/** The built collector as an operator runs it: a process with its own data directory and ports. */
export class CollectorProcess {
  readonly dataDir: string;
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | null = null;
  #port = 0;
  #storePort = 0;
  output = '';
  /** Until then the page of the last question is the answer to the next. */
  #pageKeptUntilMs = 0;
  readonly #openFilesMax: number | null;
  readonly #within: readonly string[];
  readonly #program: string;
  readonly #laysStore: boolean;
  readonly #isTls: boolean;

  /**
   * `openFilesMax`: the limit of open files, its own and its engine's. `within`: a command that becomes the one it is
   * given. `program`: that of another build. `makesStore`:
   * its first start makes the tables itself, instead of finding them made. `isStreamed`: segments are as old as they
   * get by default, for tests that send without a pause.
   */
  constructor(options: {
    readonly dataDir: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly openFilesMax?: number;
    readonly within?: readonly string[];
    readonly program?: string;
    readonly makesStore?: boolean;
    readonly isStreamed?: boolean;
  }) {
    this.#isTls = options.env?.TIDEMARK_TLS_CERT_FILE !== undefined;
    this.#laysStore = options.program === undefined && options.makesStore !== true;
    this.#program = options.program ?? fileURLToPath(packageFile('dist/src/main.js'));
    this.dataDir = options.dataDir;
    this.#openFilesMax = options.openFilesMax ?? null;
    this.#within = options.within ?? [];
    this.#env = { ...patient, ...(options.isStreamed === true ? {} : soonStored), ...options.env };
  }

  get url(): string {
    return `http${this.#isTls ? 's' : ''}://127.0.0.1:${this.#port}`;
  }

  get streamUrl(): string {
    return `ws${this.#isTls ? 's' : ''}://127.0.0.1:${this.#port}/v1/stream`;
  }

  /** HTTP interface of the embedded engine. */
  get storeUrl(): string {
    return `http://127.0.0.1:${this.#storePort}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts and waits until it accepts events. The ports stay the same over restarts. */
  async start(): Promise<void> {
    this.#port ||= await freePort();
    this.#storePort ||= await freePort();
    if (this.#laysStore) await layStore(join(this.dataDir, 'engine'));
    const command = [process.execPath, this.#program];
    const limited = this.#openFilesMax === null ? [] : ['sh', '-c', `ulimit -n ${this.#openFilesMax}; exec "$@"`, 'sh'];
    const [program = '', ...args] = [...this.#within, ...limited, ...command];
    const child = spawn(program, args, {
      env: {
        PATH: process.env.PATH ?? '',
        TIDEMARK_DATA_DIR: this.dataDir,
        TIDEMARK_PORT: String(this.#port),
        TIDEMARK_CLICKHOUSE_PORT: String(this.#storePort),
        TIDEMARK_API_KEYS: `${testKey}:default:admin`,
        TIDEMARK_HTTP_SERVER: socketServer,
        ...this.#env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const keep = (data: Buffer): void => {
      this.output = (this.output + data.toString()).slice(-400_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    await this.#untilAnswering(child);
  }

  /** SIGKILL, as the out-of-memory killer does; resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGTERM; resolves with the exit code. */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** SIGKILL to the collector and to everything it started, at once; resolves when the collector is gone. */
  async killAll(): Promise<void> {
    const child = this.#child;
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      // Stopped, it starts nothing more.
      child.kill('SIGSTOP');
      for (const pid of descendantsOf(child.pid)) killIfThere(pid);
    }
    await this.#end('SIGKILL');
  }

  /** The embedded engine's process, a child of the collector; undefined while there is none. */
  enginePid(): number | undefined {
    return enginePidOf(this.pid);
  }

  /** Rows of a query of the store, as the collector reaches it, as JSON objects; waits while the store is away. */
  async query<Row>(sql: string, waitMsMax = 60_000): Promise<Row[]> {
    const deadline = performance.now() + waitMsMax;
    for (;;) {
      try {
        return (JSON.parse(await this.#askEngine(`${sql} FORMAT JSON`)) as { readonly data: Row[] }).data;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  /** A statement of the store's writer, past the collector. */
  async write(sql: string): Promise<void> {
    await this.#askEngine(sql);
  }

  /** Password of the store's reader `default`, made at the first start. */
  get readerPassword(): string {
    return readFileSync(join(this.dataDir, 'engine-reader-password'), 'utf8').trim();
  }

  async #askEngine(sql: string): Promise<string> {
    const { status, bytes } = await askEngine(engineAccess(this.dataDir), sql);
    if (status !== 200) throw new Error(`the store answered ${status}: ${bytes.toString('utf8')}`);
    return bytes.toString('utf8');
  }

  async get<Body>(path: string): Promise<Body> {
    const response = await fetch(`${this.url}${path}`, { headers: { authorization: `Bearer ${testKey}` } });
    return (await response.json()) as Body;
  }

  /**
   * Resolves when so many events are in the store, in every table: an insert fills one after the other, and what it
   * inserted leaves the spool after the last.
   */
  async untilStored(events: number, condition = '1', msMax = 200_000): Promise<void> {
    const deadline = performance.now() + msMax;
    for (;;) {
      const sql = `SELECT count() AS events FROM agent_events WHERE ${condition}`;
      const stored = Number((await this.query<{ readonly events: string }>(sql))[0]?.events);
      const spooled = stored === events ? (await this.metrics()).get('tidemark_spool_events') : null;
      if (spooled === 0) return;
      if (performance.now() > deadline) {
        throw new Error(`of ${events} events ${stored} were stored, and ${spooled ?? 'some'} in the spool`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Values of `/metrics` by name and labels, as printed. */
  async metrics(): Promise<Map<string, number>> {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, this.#pageKeptUntilMs - performance.now())));
    const response = await fetch(`${this.url}/metrics`);
    const text = await response.text();
    this.#pageKeptUntilMs = performance.now() + metricsPageMs;
    if (!response.ok) throw new Error(`the metrics were not told (${response.status}): ${text}`);
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(
      lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
    );
  }

  async #untilAnswering(child: ChildProcess): Promise<void> {
    const deadline = performance.now() + 200_000;
    for (;;) {
      if (child.exitCode !== null) throw new Error(`the collector exited with ${child.exitCode}:\n${this.output}`);
      try {
        // A full spool answers 503, and answers.
        if ([200, 503].includes(await this.#healthStatus())) return;
      } catch {
        // Not listening yet.
      }
      if (performance.now() > deadline) throw new Error(`the collector did not answer:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Whoever signed its certificate: here it is asked whether it is there, and not who it is. */
  async #healthStatus(): Promise<number> {
    const target = `${this.url}/health`;
    if (!this.#isTls) return (await fetch(target)).status;
    return new Promise((resolve, reject) => {
      const request = get(target, { rejectUnauthorized: false, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.on('error', reject);
    });
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    child.kill(signal);
    return ended;
  }
}

/** The embedded engine of the collector in process `pid`. */
export function enginePidOf(pid: number): number | undefined {
  return descendantsOf(pid).find((child) => /(engine|launcher)-main/.test(commandOf(child)));
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(join('/proc', String(pid), 'task', task, 'children'), 'utf8')
        .split(' ')
        .filter(Boolean)
        .map(Number),
    );
  } catch {
    return [];
  }
}

function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
