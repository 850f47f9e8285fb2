import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { holdingClock, sleep, type Timer } from '../core/clock.js';
import { errorMessage } from '../core/errors.js';
import { type ClientError, createTidemarkClient, type Rejection } from '../sdk/index.js';
import { CollectorApi } from './collector-api.js';
import { type AgentComparison, countsAgree, renderComparison } from './demo-report.js';
import { createFleet } from './fleet.js';
import { withContext } from './fleet-context.js';
import { FleetDriver } from './fleet-driver.js';
import { answerHelp } from './help.js';
import { seededRandom } from './seeded-random.js';

const usage =
  'usage: demo [--agents 50] [--rate 5000] [--seconds 30] [--seed 1] [--url http://127.0.0.1:7077] [--key <key>]\n';

/**
 * `npm run demo [-- --agents 50 --rate 5000 --seconds 30 --seed 1 --url http://127.0.0.1:7077 --key …]`
 *
 * A fleet streams to a running collector; then what it sent is compared with what the collector answers.
 * Exit code 0: all counts are equal. 1: some differ, or events were rejected. 2: the demo could not run. 130: it was
 * interrupted; runs that were under way are sent to their end first. A second interrupt ends it at once.
 */
interface DemoOptions {
  readonly agents: number;
  readonly rate: number;
  readonly seconds: number;
  readonly seed: number;
  readonly url: string;
  readonly key: string;
}

const clock = holdingClock;
/** Longest wait for the answers to hold everything that was acknowledged. */
const queryableMsMax = 30_000;

function readOptions(): DemoOptions {
  answerHelp(usage);
  const { values } = parseArgs({
    options: {
      agents: { type: 'string', default: '50' },
      rate: { type: 'string', default: '5000' },
      seconds: { type: 'string', default: '30' },
      seed: { type: 'string', default: '1' },
      url: { type: 'string', default: `http://127.0.0.1:${process.env.TIDEMARK_PORT ?? '7077'}` },
      key: { type: 'string' },
    },
  });
  return {
    agents: positiveInteger('agents', values.agents),
    rate: positiveInteger('rate', values.rate),
    seconds: positiveInteger('seconds', values.seconds),
    seed: positiveInteger('seed', values.seed),
    url: values.url,
    key: values.key ?? savedKey(),
  };
}

function positiveInteger(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`cannot use --${name} ${text}: it is not a whole number from 1`);
  return value;
}

/** The key that a collector made at its first start, from its data directory. */
function savedKey(): string {
  const path = join(process.env.TIDEMARK_DATA_DIR ?? './tidemark-data', 'admin-key');
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new Error(
      `cannot read the key from ${path} (start the collector here, or pass --key): ${errorMessage(error)}`,
    );
  }
}

async function main(): Promise<number> {
  const options = readOptions();
  const api = new CollectorApi(options.url, options.key);
  await api.mustAnswer();
  const { driver, failures, rejections } = createDriver(options);
  const progress = showProgress(driver, options);
  const interrupted = onInterrupt(() => driver.stop());
  await driver.run(options);
  const flushed = await Promise.allSettled(driver.agents.map(({ client }) => client.flush()));
  progress.stop();
  for (const { client } of driver.agents) await client.close(0);
  const [failure] = failures;
  if (failure !== undefined || flushed.some(({ status }) => status === 'rejected')) {
    throw new Error(failure?.message ?? 'not everything was acknowledged');
  }
  printRejections(rejections);
  if (interrupted()) {
    process.stdout.write('interrupted: every run that began was sent to its end, nothing is compared\n');
    return interruptedCode;
  }
  const comparisons = await compareWhenQueryable(api, driver, options);
  process.stdout.write(`\n${renderComparison(comparisons)}\n`);
  const isEqual = comparisons.every(countsAgree) && rejections.length === 0;
  process.stdout.write(isEqual ? '\nnothing was lost, nothing was counted twice\n' : '\nthe counts differ\n');
  return isEqual ? 0 : 1;
}

const interruptedCode = 130;

/** Tells whether there was an interrupt since; the second one ends the process. */
function onInterrupt(stop: () => void): () => boolean {
  let count = 0;
  process.on('SIGINT', () => {
    count += 1;
    if (count > 1) process.exit(interruptedCode);
    stop();
  });
  return () => count > 0;
}

function createDriver(options: DemoOptions) {
  const random = seededRandom(options.seed);
  const token = clock.nowMs().toString(36).slice(-6);
  const fleet = withContext(random, createFleet(random, { agents: options.agents, token }), token);
  const failures: ClientError[] = [];
  const rejections: Rejection[] = [];
  const driver = new FleetDriver(
    fleet,
    ({ agentId }) =>
      createTidemarkClient({
        url: options.url,
        key: options.key,
        producer: `demo-${agentId}`,
        onError: (error) => {
          if (!error.retryable) failures.push(error);
        },
        onReject: (rejection) => rejections.push(rejection),
      }),
    clock,
    random,
  );
  return { driver, failures, rejections };
}

/** One line that is written over twice a second on a terminal, and every five seconds elsewhere. */
function showProgress(driver: FleetDriver, options: DemoOptions): { stop(): void } {
  const startedMs = clock.monotonicMs();
  const isTerminal = process.stdout.isTTY;
  let timer: Timer | undefined;
  const show = (): void => {
    const seconds = (clock.monotonicMs() - startedMs) / 1_000;
    const stats = driver.agents.map(({ client }) => client.stats());
    const acked = stats.reduce((sum, { eventsAcknowledged }) => sum + eventsAcknowledged, 0);
    const rejected = stats.reduce((sum, { eventsRejected }) => sum + eventsRejected, 0);
    const line = [
      `${seconds.toFixed(0).padStart(3)} s of ${options.seconds}`,
      `sent ${driver.sent}`,
      `acked ${acked}`,
      `rejected ${rejected}`,
      `${(acked / seconds).toFixed(0)}/s`,
      `lag ${driver.sent - acked}`,
    ].join('   ');
    process.stdout.write(isTerminal ? `\r${line}   ` : `${line}\n`);
  };
  const next = (): void => {
    timer = clock.setTimer(isTerminal ? 500 : 5_000, () => {
      show();
      next();
    });
  };
  next();
  return {
    stop() {
      timer?.cancel();
      show();
      if (isTerminal) process.stdout.write('\n');
    },
  };
}

function printRejections(rejections: readonly Rejection[]): void {
  for (const { event, code, path, message } of rejections.slice(0, 10)) {
    process.stdout.write(`rejected: ${event.event_id} ${code} ${path} ${message}\n`);
  }
}

/** How often it is told that the store is waited for. */
const waitToldMs = 5_000;

function waiting(api: CollectorApi, comparisons: readonly AgentComparison[]): string {
  if (api.storeIsAway) return 'waiting for the store, which is not there yet';
  const behind = comparisons.filter((comparison) => !countsAgree(comparison)).length;
  return `waiting for the store to have what was acknowledged, of ${behind} agents it has not all`;
}

/** Asks until the answers count what was sent, or the wait is over. */
async function compareWhenQueryable(
  api: CollectorApi,
  driver: FleetDriver,
  options: DemoOptions,
): Promise<AgentComparison[]> {
  const window = options.seconds < 240 ? '5m' : '1h';
  const startedMs = clock.monotonicMs();
  let toldMs = Number.NEGATIVE_INFINITY;
  for (;;) {
    const comparisons: AgentComparison[] = [];
    for (const { ledger } of driver.agents) {
      const { agentId } = ledger;
      const [live, stored] = await Promise.all([api.live(agentId, window), api.stored(agentId)]);
      const rankOf = (durationMs: number): number | null => ledger.rankOf(durationMs);
      comparisons.push({ agentId, sent: ledger.figures(), live, stored, rankOf });
    }
    const waitedMs = clock.monotonicMs() - startedMs;
    if (comparisons.every(countsAgree) || waitedMs > queryableMsMax) {
      process.stdout.write(`compared ${waitedMs.toFixed(0)} ms after the last ack, live window ${window}\n`);
      return comparisons;
    }
    if (clock.monotonicMs() - toldMs >= waitToldMs) {
      toldMs = clock.monotonicMs();
      process.stdout.write(`${waiting(api, comparisons)}, ${(queryableMsMax / 1_000).toFixed(0)} s at most\n`);
    }
    await sleep(clock, 200);
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`the demo cannot run: ${errorMessage(error)}\n`);
  process.exitCode = 2;
}
