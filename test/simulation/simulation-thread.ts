import { parentPort, workerData } from 'node:worker_threads';
import type { Logger } from '../../src/core/logger.js';
import { silentLogger } from '../../src/core/logger.js';
import { runHistory } from './history.js';

/** Which histories a thread runs: seeds from `first` to before `end`. */
export interface ThreadTask {
  readonly first: number;
  readonly end: number;
  readonly step: number;
  /** The log lines of the collector are printed. */
  readonly isTold: boolean;
}

export interface Found {
  readonly seed: number;
  readonly violation: string;
}

export interface ThreadReport {
  /** Since the start of the thread. */
  readonly histories: number;
  readonly acknowledged: number;
  readonly lives: number;
  /** Since the last report. */
  readonly found: readonly Found[];
}

const historiesPerReport = 200;
const { first, end, step, isTold } = workerData as ThreadTask;
const line = (context: object, message: string) => void process.stdout.write(`${message} ${JSON.stringify(context)}\n`);
const logger: Logger = isTold ? { debug: line, info: line, warn: line, error: line } : silentLogger;

let histories = 0;
let acknowledged = 0;
let lives = 0;
let found: Found[] = [];
for (let seed = first; seed < end; seed += step) {
  const result = await runHistory(seed, { logger });
  histories++;
  acknowledged += result.acknowledged;
  lives += result.lives;
  if (result.violation !== null) found.push({ seed, violation: result.violation });
  if (histories % historiesPerReport === 0 || found.length > 0) report();
}
report();

function report(): void {
  parentPort?.postMessage({ histories, acknowledged, lives, found } satisfies ThreadReport);
  found = [];
}
