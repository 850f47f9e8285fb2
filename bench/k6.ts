import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { answerHelp } from '../src/cli/help.js';
import { packageFile } from '../src/core/package-root.js';
import { benchKey, CollectorProcess } from './collector-process.js';

const usage = 'usage: k6 [--connections 5] [--frames 200] [--events 100] [--url ws://… --key <key>]\n';

/**
 * `npm run k6 [-- --connections 5 --frames 200 --events 100] [--url ws://… --key …]`
 *
 * Bundles `bench/k6/smoke.js`, starts a collector of its own unless a url is given, and runs k6 from PATH, or
 * installs the pinned one with Go under `bench/.scratch`. Exit code: that of k6, 99 when a threshold is crossed;
 * 3 when there is neither k6 nor Go. (The npm package named k6 is an empty one.)
 */
const k6Version = 'v1.8.1';
const scratch = fileURLToPath(packageFile('bench/.scratch/'));

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

async function bundle(): Promise<string> {
  const outfile = join(scratch, 'smoke.js');
  await build({
    entryPoints: [fileURLToPath(packageFile('bench/k6/smoke.js'))],
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

async function main(): Promise<number> {
  answerHelp(usage);
  const { values } = parseArgs({
    options: {
      url: { type: 'string' },
      key: { type: 'string', default: benchKey },
      connections: { type: 'string', default: '5' },
      frames: { type: 'string', default: '200' },
      events: { type: 'string', default: '100' },
    },
  });
  mkdirSync(scratch, { recursive: true });
  const k6 = findK6();
  if (k6 === null) {
    process.stderr.write('cannot run k6: it is not on PATH and Go cannot install it\n');
    return 3;
  }
  const script = await bundle();
  const collector = values.url === undefined ? await CollectorProcess.start() : null;
  try {
    const run = spawn(k6, ['run', '--no-usage-report', script], {
      env: {
        ...process.env,
        TIDEMARK_URL: values.url ?? collector?.streamUrl ?? '',
        TIDEMARK_KEY: values.key,
        K6_CONNECTIONS: values.connections,
        K6_FRAMES: values.frames,
        K6_EVENTS: values.events,
      },
      stdio: 'inherit',
    });
    return await new Promise<number>((resolve) => run.once('exit', (code) => resolve(code ?? 1)));
  } finally {
    await collector?.stop();
  }
}

process.exitCode = await main();
