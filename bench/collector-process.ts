import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { collectorReader } from '../src/clickhouse/embedded/front/engine-door.js';
import { ReadsChannel } from '../src/clickhouse/embedded/process/reads-channel.js';
import { packageFile } from '../src/core/package-root.js';
import { askEngine, engineAccess } from './engine-access.js';
import { freePort } from './free-port.js';
import { readTree, treeCpuMs } from './process-usage.js';

export const benchKey = 'tdm_key_of_the_bench_0123456789';

export interface CollectorOptions {
  /** A ClickHouse server instead of the embedded engine. */
  readonly clickhouseUrl?: string;
  readonly nodeFlags?: readonly string[];
  /** A data directory that is there and stays when the collector stops; without it one is made and removed. */
  readonly dataDir?: string;
  /** Settings of the collector beside those the bench needs. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** The built collector as a child process, with a data directory and ports of its own. */
export class CollectorProcess {
  readonly #dataDir: string;
  readonly #keepsData: boolean;
  readonly #child: ChildProcess;
  readonly #port: number;
  readonly #storePort: number;
  #output = '';

  private constructor(ports: { readonly port: number; readonly storePort: number }, options: CollectorOptions) {
    this.#port = ports.port;
    this.#storePort = ports.storePort;
    this.#dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
    this.#keepsData = options.dataDir !== undefined;
    const store = options.clickhouseUrl === undefined ? {} : { TIDEMARK_CLICKHOUSE_URL: options.clickhouseUrl };
    this.#child = spawn(
      process.execPath,
      [...(options.nodeFlags ?? []), fileURLToPath(packageFile('dist/src/main.js'))],
      {
        env: {
          PATH: process.env.PATH ?? '',
          TIDEMARK_DATA_DIR: this.#dataDir,
          TIDEMARK_PORT: String(this.#port),
          TIDEMARK_CLICKHOUSE_PORT: String(this.#storePort),
          TIDEMARK_API_KEYS: `${benchKey}:default:admin`,
          TIDEMARK_LOG_LEVEL: 'warn',
          ...store,
          ...options.settings,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const keep = (data: Buffer): void => {
      this.#output = (this.#output + data.toString()).slice(-20_000);
    };
    endWithBench(this.#child);
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
  }

  /** Starts a collector and returns when it answers. */
  static async start(options: CollectorOptions = {}): Promise<CollectorProcess> {
    const collector = new CollectorProcess({ port: await freePort(), storePort: await freePort() }, options);
    try {
      await collector.#untilAnswering();
    } catch (error) {
      await collector.stop();
      throw error;
    }
    return collector;
  }

  /** Starts without waiting: for those who measure the wait. */
  static async launch(options: CollectorOptions = {}): Promise<CollectorProcess> {
    return new CollectorProcess({ port: await freePort(), storePort: await freePort() }, options);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }
  get streamUrl(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }
  /** What it has written, for the message of a failure. */
  get output(): string {
    return this.#output;
  }

  /** CPU time of the collector and the engine. */
  cpuMs(): number {
    return treeCpuMs(this.pid);
  }

  /** The same, apart. */
  cpuMsByPart(): Readonly<Record<'collector' | 'engine', number>> {
    const [own, ...children] = readTree(this.pid);
    return { collector: own?.cpuMs ?? 0, engine: children.reduce((sum, { cpuMs }) => sum + cpuMs, 0) };
  }

  /** Of the embedded engine's open port. */
  get storePort(): number {
    return this.#storePort;
  }

  get dataDir(): string {
    return this.#dataDir;
  }

  /** One row of a query of the embedded engine. Throws when the engine does not answer with rows. */
  async queryOne<Row>(sql: string): Promise<Row> {
    const text = (await this.#ask(`${sql} FORMAT JSONEachRow`)).toString('utf8');
    return JSON.parse(text.split('\n', 1)[0] ?? '') as Row;
  }

  /** A result of the embedded engine in a format of its own, over HTTP, on a connection of its own. */
  read(sql: string, format: string): Promise<Uint8Array> {
    return this.#ask(sql, `default_format=${format}`);
  }

  /** Of the embedded engine, by the way that the collector's reads take; to be closed. */
  openReads(): ReadsChannel {
    const { socketPath: path, password } = engineAccess(this.#dataDir);
    return new ReadsChannel({ path, user: collectorReader, password, database: 'tidemark', settings: {} });
  }

  /** A statement of the engine's writer, past the collector: for a history that is too long to stream. */
  async writeAsEngine(sql: string): Promise<void> {
    await this.#ask(sql);
  }

  async #ask(sql: string, query = ''): Promise<Buffer> {
    const { status, bytes } = await askEngine(engineAccess(this.#dataDir), sql, query);
    if (status !== 200) throw new Error(`the engine answered ${status}: ${bytes.toString('utf8')}`);
    return bytes;
  }

  /** Values of `/metrics`, by name and labels as printed. */
  async metrics(): Promise<Map<string, number>> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
  }

  /** Stops it, by force when it takes longer than half a minute, and removes its data unless they were given. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), 30_000);
      await ended;
      clearTimeout(force);
    }
    if (!this.#keepsData) rmSync(this.#dataDir, { recursive: true, force: true });
  }

  async #untilAnswering(): Promise<void> {
    const deadline = performance.now() + 60_000;
    for (;;) {
      if (this.#child.exitCode !== null) throw new Error(`cannot start the collector:\n${this.#output}`);
      try {
        if ((await fetch(`${this.url}/health`)).ok) return;
      } catch {
        // Not listening yet.
      }
      if (performance.now() > deadline) throw new Error(`the collector does not answer:\n${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

const children = new Set<ChildProcess>();

/** A bench that is ended by a signal takes its collectors with it; they stop in order, and their engines with them. */
function endWithBench(child: ChildProcess): void {
  if (children.size === 0) {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => endAll(signal));
  }
  children.add(child);
}

function endAll(signal: NodeJS.Signals): void {
  for (const child of children) child.kill('SIGTERM');
  process.kill(process.pid, signal);
}
