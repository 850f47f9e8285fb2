import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../../src/core/package-root.js';
import { freePort } from '../free-port.js';

/**
 * The OpenTelemetry Collector with its ClickHouse exporter, built by its own builder under `bench/.scratch`, and a
 * generator of OTLP log records in Go. Building takes some minutes, once.
 */
const builder = 'go.opentelemetry.io/collector/cmd/builder@v0.165.0';
const scratch = fileURLToPath(packageFile('bench/.scratch/'));
const sources = fileURLToPath(packageFile('bench/peer/'));

export interface OtelPrograms {
  readonly collector: string;
  readonly load: string;
}

/** Null, with a line on standard error, where there is no Go or the programs cannot be built. */
export function buildOtelPrograms(): OtelPrograms | null {
  const programs = {
    collector: join(scratch, 'otelcol-peer', 'otelcol-peer'),
    load: join(scratch, 'bin', 'otlp-load'),
  };
  mkdirSync(join(scratch, 'bin'), { recursive: true });
  const steps = [
    { makes: join(scratch, 'bin', 'builder'), command: ['go', 'install', builder], cwd: scratch },
    { makes: programs.collector, command: [join(scratch, 'bin', 'builder'), '--config', 'builder.yaml'], cwd: scratch },
    { makes: programs.load, command: ['go', 'build', '-o', programs.load, '.'], cwd: join(sources, 'otlp-load') },
  ];
  copyFileSync(join(sources, 'builder.yaml'), join(scratch, 'builder.yaml'));
  for (const { makes, command, cwd } of steps) {
    if (existsSync(makes)) continue;
    process.stderr.write(`${command.join(' ')} …\n`);
    const [program = '', ...args] = command;
    const env = { ...process.env, GOBIN: join(scratch, 'bin') };
    const { status, error } = spawnSync(program, args, { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] });
    if (status === 0) continue;
    process.stderr.write(
      `skipped: the OpenTelemetry Collector cannot be built (${error?.message ?? `exit ${status}`})\n`,
    );
    return null;
  }
  return programs;
}

export interface OtelOptions {
  /** The engine's HTTP port, and who writes there. */
  readonly storePort: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly directory: string;
  /** Null is the exporter's own way: blocks of LZ4. */
  readonly compress: 'none' | null;
  /** Of what waits for its insert: in memory, in a file, or in a file that is synced at each write. */
  readonly queue: 'memory' | 'file' | 'synced file';
}

const startMsMax = 30_000;

/** A running OpenTelemetry Collector. */
export class OtelCollector {
  readonly url: string;
  readonly #child: ChildProcess;
  #output = '';

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.url = `http://127.0.0.1:${port}/v1/logs`;
    const keep = (data: Buffer): void => {
      this.#output = (this.#output + data.toString()).slice(-5_000);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
  }

  static async start(program: string, options: OtelOptions): Promise<OtelCollector> {
    const port = await freePort();
    mkdirSync(join(options.directory, 'queue'), { recursive: true });
    const path = join(options.directory, 'otelcol.json');
    writeFileSync(path, JSON.stringify(configOf(options, port), null, 2));
    const child = spawn(program, ['--config', path], { stdio: ['ignore', 'pipe', 'pipe'] });
    const collector = new OtelCollector(child, port);
    const deadline = performance.now() + startMsMax;
    while (!(await collector.#answers())) {
      if (child.exitCode !== null || performance.now() > deadline) {
        throw new Error(`the OpenTelemetry Collector does not start:\n${collector.#output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return collector;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get output(): string {
    return this.#output;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    await ended;
  }

  async #answers(): Promise<boolean> {
    const headers = { 'content-type': 'application/x-protobuf' };
    const answer = await fetch(this.url, { method: 'POST', headers, body: new Uint8Array() }).catch(() => null);
    return answer?.ok === true;
  }
}

/** As the exporter's README recommends: batches made by its own queue; it waits when that is full. */
function configOf(options: OtelOptions, port: number): object {
  const { storePort, user, password, database, directory, queue, compress } = options;
  const storage = queue === 'memory' ? {} : { storage: 'file_storage' };
  return {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: {
      clickhouse: {
        endpoint: `http://127.0.0.1:${storePort}`,
        username: user,
        password,
        database,
        ...(compress === null ? {} : { compress }),
        async_insert: false,
        timeout: '120s',
        sending_queue: {
          num_consumers: 2,
          sizer: 'items',
          queue_size: 200_000,
          block_on_overflow: true,
          batch: { sizer: 'items', min_size: 50_000, max_size: 100_000, flush_timeout: '1s' },
          ...storage,
        },
      },
    },
    ...(queue === 'memory'
      ? {}
      : { extensions: { file_storage: { directory: join(directory, 'queue'), fsync: queue === 'synced file' } } }),
    service: {
      ...(queue === 'memory' ? {} : { extensions: ['file_storage'] }),
      telemetry: { logs: { level: 'warn' }, metrics: { level: 'none' } },
      pipelines: { logs: { receivers: ['otlp'], exporters: ['clickhouse'] } },
    },
  };
}
