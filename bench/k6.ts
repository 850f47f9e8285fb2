import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { answerHelp } from '../src/cli/help.js';
import { packageFile } from '../src/core/package-root.js';
import { benchKey, CollectorProcess } from './collector-process.js';
import { untilHealthy } from './history-store.js';

/**
 * `npm run k6 [-- <script>] [--connections …]`
 *
 * Bundles a script of `bench/k6`, because k6 does not resolve packages; starts a collector of its own unless a url is
 * given, and runs k6 from PATH, or installs the pinned one with Go under `bench/.scratch`. A collector of its own is
 * asked afterwards whether it has stored what it acknowledged.
 *
 * Exit code: that of k6, 99 when a threshold is crossed; 1 when the store has another count; 3 when there is neither k6
 * nor Go. (The npm package named k6 is an empty one.)
 */
const k6Version = 'v1.8.1';
const scratch = fileURLToPath(packageFile('bench/.scratch/'));
const scriptsDir = fileURLToPath(packageFile('bench/k6/'));
/** What the scripts share is in the same folder. */
const scripts = ['smoke', 'steady', 'ramp', 'spike', 'soak', 'queries', 'live'] as const;
const storedMsMax = 60_000;

const usage = `usage: k6 [${scripts.join(' | ')}] [--connections 5] [--events <a frame> 100]
          [--rate <events a second> 10000] [--seconds 30] [--frames <a connection, smoke only> 200]
          [--ack-ms <p99 at most>] [--url ws://… --key <key>]
`;

function findK6(): string | null {
  const onPath = (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, 'k6'));
  const installed = join(scratch, 'bin', 'k6');
  const found = [...onPath, installed].find((path) => existsSync(path));
  if (found !== undefined) return found;
  process.stderr.write(`installing k6 ${k6Version} with Go, once …\n`);
  const go = spawnSync('go', ['install', `go.k6.io/k6@${k6Version}`], {
    env: { ...process.env, GOBIN: join(scratch, 'bin') },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return go.status === 0 ? installed : null;
}

async function bundle(script: string): Promise<string> {
  const outfile = join(scratch, `${script}.js`);
  await build({
    entryPoints: [join(scriptsDir, `${script}.js`)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    external: ['k6', 'k6/*'],
    logLevel: 'warning',
  });
  return outfile;
}

function readOptions() {
  answerHelp(usage);
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      url: { type: 'string' },
      key: { type: 'string', default: benchKey },
      connections: { type: 'string', default: '5' },
      frames: { type: 'string', default: '200' },
      events: { type: 'string', default: '100' },
      rate: { type: 'string', default: '10000' },
      seconds: { type: 'string', default: '30' },
      'ack-ms': { type: 'string', default: '' },
    },
  });
  const script = positionals[0] ?? 'smoke';
  if (!scripts.some((known) => known === script)) {
    process.stderr.write(`there is no script ${script}\n${usage}`);
    process.exit(2);
  }
  return { script, ...values };
}

type Options = ReturnType<typeof readOptions>;

async function runK6(k6: string, options: Options, streamUrl: string): Promise<number> {
  const script = await bundle(options.script);
  const run = spawn(k6, ['run', '--no-usage-report', '--summary-export', summaryFile(options.script), script], {
    env: {
      ...process.env,
      TIDEMARK_URL: streamUrl,
      TIDEMARK_KEY: options.key,
      K6_TOKEN: Date.now().toString(36),
      K6_CONNECTIONS: options.connections,
      K6_FRAMES: options.frames,
      K6_EVENTS: options.events,
      K6_RATE: options.rate,
      K6_SECONDS: options.seconds,
      K6_ACK_MS: options['ack-ms'],
    },
    stdio: 'inherit',
  });
  return await new Promise<number>((resolve) => run.once('exit', (code) => resolve(code ?? 1)));
}

function summaryFile(script: string): string {
  return join(scratch, `${script}-summary.json`);
}

/** True when the collector's store has as many rows as k6 was acknowledged; waits for what is on its way. */
async function storesAll(collector: CollectorProcess, script: string): Promise<boolean> {
  const summary = JSON.parse(readFileSync(summaryFile(script), 'utf8')) as {
    readonly metrics: Readonly<Record<string, { readonly count?: number }>>;
  };
  const acknowledged = summary.metrics.tidemark_events_acknowledged?.count ?? 0;
  const deadline = performance.now() + storedMsMax;
  for (;;) {
    const { rows } = await collector.queryOne<{ rows: string }>(
      'SELECT toString(count()) AS rows FROM agent_events_raw_v1',
    );
    const equal = Number(rows) === acknowledged;
    if (equal || performance.now() > deadline) {
      process.stderr.write(`${acknowledged} events acknowledged, ${rows} stored\n`);
      return equal;
    }
    await sleep(200);
  }
}

async function main(): Promise<number> {
  const options = readOptions();
  mkdirSync(scratch, { recursive: true });
  const k6 = findK6();
  if (k6 === null) {
    process.stderr.write('cannot run k6: it is not on PATH and Go cannot install it\n');
    return 3;
  }
  if (options.url !== undefined) return await runK6(k6, options, options.url);
  const collector = await CollectorProcess.start();
  try {
    await untilHealthy(collector);
    const code = await runK6(k6, options, collector.streamUrl);
    return (await storesAll(collector, options.script)) || code !== 0 ? code : 1;
  } finally {
    await collector.stop();
  }
}

process.exitCode = await main();
