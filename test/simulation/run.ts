import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { answerHelp } from '../../src/cli/help.js';
import type { Found, ThreadReport, ThreadTask } from './simulation-thread.js';

/**
 * `npm run simulate`: histories of spool, delivery and store with seeded faults, on every core.
 * `TIDEMARK_SIMULATION_SEED` is the seed of the first, `TIDEMARK_SIMULATION_HISTORIES` how many there are; each has the
 * seed after the one before.
 * Exit code 1 when one of them lost or doubled something; one history of the printed seed, alone, tells in log lines
 * how it came to that.
 */
const usage = 'usage: TIDEMARK_SIMULATION_SEED=1 TIDEMARK_SIMULATION_HISTORIES=<count> simulate\n';
answerHelp(usage);
const seed = numberFrom('TIDEMARK_SIMULATION_SEED', 1);
const histories = numberFrom('TIDEMARK_SIMULATION_HISTORIES', 100_000);
const threads = Math.min(availableParallelism(), histories);
const progressMs = 10_000;

function numberFrom(name: string, otherwise: number): number {
  const given = process.env[name];
  if (given === undefined || given === '') return otherwise;
  const value = Number(given);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`cannot read ${name}: ${given} is not a positive integer`);
}

const print = (text: string) => process.stdout.write(`${text}\n`);

function runThread(task: ThreadTask, tell: (report: ThreadReport) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('simulation-thread.js', import.meta.url), { workerData: task });
    worker.on('message', tell);
    worker.once('error', reject);
    worker.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a thread ended with ${code}`))));
  });
}

const startedMs = performance.now();
const done: ThreadReport[] = [];
const found: Found[] = [];
const secondsSoFar = () => (performance.now() - startedMs) / 1_000;
const total = (of: (report: ThreadReport) => number) =>
  done.reduce((sum, report) => sum + (report ? of(report) : 0), 0);
const timer = setInterval(() => {
  const count = total((report) => report.histories);
  print(`${count} histories, ${Math.round(count / secondsSoFar())}/s, ${found.length} violations`);
}, progressMs);

await Promise.all(
  Array.from({ length: threads }, (_, thread) =>
    runThread({ first: seed + thread, end: seed + histories, step: threads, isTold: histories === 1 }, (report) => {
      done[thread] = report;
      for (const each of report.found) {
        found.push(each);
        print(`seed ${each.seed}: ${each.violation}`);
      }
    }),
  ),
);
clearInterval(timer);
const count = total((report) => report.histories);
print(
  `${count} histories from seed ${seed} in ${secondsSoFar().toFixed(1)} s (${Math.round(count / secondsSoFar())}/s, ` +
    `${threads} threads): ${total((report) => report.lives)} lives of a collector, ` +
    `${total((report) => report.acknowledged)} events acknowledged, ${found.length} violations`,
);
for (const { seed: failed } of found.slice(0, 10)) {
  print(`again: TIDEMARK_SIMULATION_SEED=${failed} TIDEMARK_SIMULATION_HISTORIES=1 npm run simulate`);
}
process.exitCode = found.length === 0 && count === histories ? 0 : 1;
