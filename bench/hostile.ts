import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { answerHelp } from '../src/cli/help.js';
import { packageFile } from '../src/core/package-root.js';
import { benchKey, CollectorProcess } from './collector-process.js';
import type { HostileOptions, HostileReport } from './hostile-neighbours.js';
import { LatencyHistogram } from './latency-histogram.js';
import { runLoad } from './load.js';
import { untilStored } from './store-watch.js';

/**
 * `npm run bench:hostile [-- --rate 5000 --seconds 15]`
 *
 * An honest client sends at a steady rate and asks the API, first alone, then beside 12 hostile readers, 300 idle
 * connections to the engine's port and 1,000 uploads that are abandoned over and over. Printed are the latency of its
 * acks and reads, what was answered, and how old the oldest event that was not in the store became. An event that is
 * not acknowledged or not stored in the end, or a read that fails, ends the bench with exit code 1.
 */
const usage = 'usage: bench:hostile [--rate 5000] [--seconds 15]\n';
answerHelp(usage);
const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '15' },
    readers: { type: 'string', default: '12' },
    idle: { type: 'string', default: '300' },
    uploads: { type: 'string', default: '1000' },
  },
});
const [rate, seconds] = [Number(values.rate), Number(values.seconds)];
const ingestKey = 'tdm_ingest_key_of_the_hostile_one';

interface Phase {
  readonly acks: LatencyHistogram;
  readonly reads: LatencyHistogram;
  readonly refusedReads: number;
  readonly undeliveredMsMax: number;
  readonly events: number;
  readonly executions: number;
}

async function measure(collector: CollectorProcess): Promise<Phase> {
  const watch = new HonestReader(collector);
  const report = await runLoad(collector, { format: 'positional', rate, seconds, eventsPerFrame: 50 });
  await watch.stop();
  if (report.problems.length > 0) throw new Error(report.problems.join('; '));
  if (report.acknowledgedFrames !== report.frames) throw new Error('not every frame was acknowledged');
  return {
    acks: LatencyHistogram.fromPairs(report.ackPairs),
    reads: watch.latencies,
    refusedReads: watch.refused,
    undeliveredMsMax: watch.undeliveredMsMax,
    events: report.events,
    executions: report.executions,
  };
}

/** Ten reads a second of somebody who looks at an agent, and at health. */
class HonestReader {
  readonly latencies = new LatencyHistogram();
  refused = 0;
  undeliveredMsMax = 0;
  readonly #collector: CollectorProcess;
  readonly #running: Promise<void>;
  #stopped = false;

  constructor(collector: CollectorProcess) {
    this.#collector = collector;
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const paths = ['/api/v1/agents', '/api/v1/metrics/dashboard', '/api/v1/monitoring/tasks', '/api/v1/runs'];
    for (let turn = 0; !this.#stopped; turn += 1) {
      const startedMs = performance.now();
      const path = `${paths[turn % paths.length]}?limit=${1 + (turn % 50)}`.replace(/(dashboard)\?.*/, '$1');
      const { status } = await this.#get(path);
      this.latencies.record(performance.now() - startedMs);
      if (status !== 200) this.refused += 1;
      const health = await this.#get('/health/deep');
      const oldestMs = /"oldest_undelivered_age_ms":(\d+)/.exec(health.text)?.[1] ?? '0';
      this.undeliveredMsMax = Math.max(this.undeliveredMsMax, Number(oldestMs));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async #get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const headers = { authorization: `Bearer ${benchKey}` };
    const answer = await fetch(this.#collector.url + path, { headers, signal: AbortSignal.timeout(30_000) });
    return { status: answer.status, text: await answer.text() };
  }
}

function attack(collector: CollectorProcess): () => Promise<HostileReport> {
  const options: HostileOptions = {
    enginePort: collector.storePort,
    collectorPort: Number(new URL(collector.url).port),
    readerPassword: readFileSync(join(collector.dataDir, 'engine-reader-password'), 'utf8').trim(),
    ingestKey,
    readers: Number(values.readers),
    idleConnections: Number(values.idle),
    abandonedUploads: Number(values.uploads),
  };
  const child = fork(fileURLToPath(packageFile('dist/bench/hostile-neighbours.js')), [JSON.stringify(options)]);
  return async () => {
    const answered = once(child, 'message');
    child.send('stop');
    const [report] = (await answered) as [HostileReport];
    return report;
  };
}

function shown(name: string, phase: Phase): string {
  const of = (histogram: LatencyHistogram, level: number) => `${histogram.quantile(level)?.toFixed(1) ?? '–'} ms`;
  return (
    `${name.padEnd(9)} acks p50 ${of(phase.acks, 0.5)} p99 ${of(phase.acks, 0.99)}; ` +
    `reads p50 ${of(phase.reads, 0.5)} p99 ${of(phase.reads, 0.99)}, ` +
    `${phase.refusedReads} of ${phase.reads.total} failed; ` +
    `oldest undelivered ${phase.undeliveredMsMax} ms\n`
  );
}

const keys = `${benchKey}:default:admin,${ingestKey}:default:ingest`;
const collector = await CollectorProcess.start({ settings: { TIDEMARK_API_KEYS: keys } });
try {
  const warmUp = await runLoad(collector, { format: 'positional', rate, seconds: 3, eventsPerFrame: 50 });
  await untilStored(collector, warmUp);
  const quiet = await measure(collector);
  process.stdout.write(shown('quiet', quiet));
  const end = attack(collector);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const attacked = await measure(collector);
  const report = await end();
  process.stdout.write(shown('attacked', attacked));
  process.stdout.write(`          hostile: ${JSON.stringify(report)}\n`);
  await untilStored(collector, {
    events: warmUp.events + quiet.events + attacked.events,
    executions: warmUp.executions + quiet.executions + attacked.executions,
  });
  const ratio = (attacked.acks.quantile(0.99) ?? 0) / (quiet.acks.quantile(0.99) ?? 1);
  process.stdout.write(`          ack p99 attacked : quiet = ${ratio.toFixed(2)}\n`);
  if (attacked.refusedReads > 0) process.exitCode = 1;
} finally {
  await collector.stop();
}
