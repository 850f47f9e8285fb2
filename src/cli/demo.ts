import { holdingClock, sleep, type Timer } from '../core/clock.js';
import { errorMessage } from '../core/errors.js';
import { type ClientError, createTidemarkClient, type Rejection } from '../sdk/index.js';
import { CollectorApi } from './collector-api.js';
import { type AgentComparison, countsAgree, renderComparison } from './demo-report.js';
import { createFleet } from './fleet.js';
import { withContext } from './fleet-context.js';
import { FleetDriver } from './fleet-driver.js';
import type { CollectorAddress } from './frame/collector-address.js';
import type { CommandContext } from './frame/command.js';
import { CommandError } from './frame/command-error.js';
import { type ExitCode, exitCodes } from './frame/exit-codes.js';
import type { Output } from './frame/output.js';
import { seededRandom } from './seeded-random.js';
import { tellTicket } from './support-ticket.js';

interface DemoOptions extends CollectorAddress {
  readonly agents: number;
  readonly rate: number;
  readonly seconds: number;
  readonly seed: number;
  readonly json: boolean;
}

const clock = holdingClock;
/** Longest wait for the answers to hold everything that was acknowledged. */
const queryableMsMax = 30_000;

/** A fleet streams to a running collector; then what it sent is compared with what the collector answers. */
export async function runDemo(context: CommandContext, options: DemoOptions): Promise<ExitCode> {
  try {
    return await streamAndCompare(context, options);
  } catch (error) {
    throw new CommandError(exitCodes.misused, `the demo cannot run: ${errorMessage(error)}`, { cause: error });
  }
}

async function streamAndCompare(context: CommandContext, options: DemoOptions): Promise<ExitCode> {
  // What is told on the way is no part of an answer for a program.
  const told = options.json ? context.err : context.out;
  const api = new CollectorApi(options);
  await api.mustAnswer();
  const { driver, failures, rejections, token } = createDriver(options);
  const progress = showProgress(told, driver, options);
  const interruption = context.interruption();
  interruption.addEventListener('abort', () => driver.stop());
  await driver.run(options);
  const flushed = await Promise.allSettled(driver.agents.map(({ client }) => client.flush()));
  progress.stop();
  for (const { client } of driver.agents) await client.close(0);
  const [failure] = failures;
  if (failure !== undefined || flushed.some(({ status }) => status === 'rejected')) {
    throw new Error(failure?.message ?? 'not everything was acknowledged');
  }
  printRejections(told, rejections);
  if (interruption.aborted) {
    told.line('interrupted: every run that began was sent to its end, nothing is compared');
    return exitCodes.interrupted;
  }
  const ticket = await tellTicket({ ...addressOf(options), token });
  if (ticket.missing > 0) throw new Error(`${ticket.missing} events of the support agent were not acknowledged`);
  told.line(`a run told by the SDK, of ${ticket.agentId}: tidemark run ${ticket.runId}`);
  const comparisons = await compareWhenQueryable(told, { api, driver, options });
  const isEqual = comparisons.every(countsAgree) && rejections.length === 0;
  if (options.json) {
    const agents = comparisons.map(({ rankOf: _rank, ...comparison }) => comparison);
    context.out.json({ equal: isEqual, rejections, agents });
  } else {
    told.line(`\n${renderComparison(comparisons)}`);
    told.line(isEqual ? '\nnothing was lost, nothing was counted twice' : '\nthe counts differ');
  }
  return isEqual ? exitCodes.done : exitCodes.failed;
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
        ...addressOf(options),
        producer: `demo-${agentId}`,
        onError: (error) => {
          if (!error.retryable) failures.push(error);
        },
        onReject: (rejection) => rejections.push(rejection),
      }),
    clock,
    random,
  );
  return { driver, failures, rejections, token };
}

function addressOf({ url, key, tlsCaFile, tlsCertFile, tlsKeyFile }: DemoOptions): CollectorAddress {
  return { url, key, tlsCaFile, tlsCertFile, tlsKeyFile };
}

/** One line that is written over twice a second on a terminal, and every five seconds elsewhere. */
function showProgress(out: Output, driver: FleetDriver, options: DemoOptions): { stop(): void } {
  const startedMs = clock.monotonicMs();
  const { isTerminal } = out;
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
    out.write(isTerminal ? `\r${line}   ` : `${line}\n`);
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
      if (isTerminal) out.line();
    },
  };
}

function printRejections(out: Output, rejections: readonly Rejection[]): void {
  for (const { event, code, path, message } of rejections.slice(0, 10)) {
    out.line(`rejected: ${event.event_id} ${code} ${path} ${message}`);
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
  out: Output,
  { api, driver, options }: { readonly api: CollectorApi; readonly driver: FleetDriver; readonly options: DemoOptions },
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
      out.line(`compared ${waitedMs.toFixed(0)} ms after the last ack, live window ${window}`);
      return comparisons;
    }
    if (clock.monotonicMs() - toldMs >= waitToldMs) {
      toldMs = clock.monotonicMs();
      out.line(`${waiting(api, comparisons)}, ${(queryableMsMax / 1_000).toFixed(0)} s at most`);
    }
    await sleep(clock, 200);
  }
}
