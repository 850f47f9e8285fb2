import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClickhouseOptions } from '../../src/clickhouse/client.js';
import { collectorReader } from '../../src/clickhouse/embedded/front/engine-door.js';
import {
  createEngineProcess,
  type EngineProcess,
  type EngineProcessOptions,
} from '../../src/clickhouse/embedded/process/engine-process.js';
import { tryLoadFileLock } from '../../src/clickhouse/embedded/sandbox/native-calls.js';
import { systemClock } from '../../src/core/clock.js';
import type { Logger } from '../../src/core/logger.js';
import { createFileLocker } from '../../src/spool/file-locker.js';
import { engineLimits } from './engine-options.js';

/** A real engine process on a free port, in a directory of its own. */
export interface TestEngine {
  readonly engine: EngineProcess;
  readonly dataDir: string;
  readonly spoolDir: string;
  readonly writerPassword: string;
  /** Reasons of the restarts counted so far. */
  readonly restarts: string[];
  /** What became of definitions that were not written. */
  readonly definitions: string[];
  /** Refusals of guests counted so far, by reason. */
  readonly refusals: ReadonlyMap<string, number>;
  /** `held`: bytes of results in files; `heldMax`: their bound. */
  readonly gauges: ReadonlyMap<string, number>;
  /** Statements of guests that were ended, by reason, results that became streams, and what became of held ones. */
  readonly endings: ReadonlyMap<string, number>;
  /** What became of kept connections, by account and outcome. */
  readonly connections: ReadonlyMap<string, number>;
  readonly logged: { readonly level: string; readonly message: string; readonly context: object }[];
  /** How the collector reaches it: over its own channel, as the writer and as its reader. */
  clientOptions(): Omit<ClickhouseOptions, 'limits'>;
  /** Stops the engine and removes its directory. */
  end(): Promise<void>;
}

/**
 * Settings of every statement. Otherwise an expression is compiled for the machine when it is used for the third time:
 * in a store that lives for seconds a third of the CPU time. The tests of a whole collector run the engine as it comes.
 */
const interpreting = ['compile_expressions', 'compile_aggregate_expressions', 'compile_sort_description']
  .map((name) => `clickhouse_setting_${name}=0`)
  .join('&');

export function createTestEngine(options: Partial<EngineProcessOptions> = {}): TestEngine {
  const root = mkdtempSync(join(tmpdir(), 'tidemark-engine-'));
  const dataDir = options.dataDir ?? join(root, 'engine');
  const spoolDir = options.spoolDir ?? join(root, 'spool');
  mkdirSync(spoolDir, { recursive: true });
  const restarts: string[] = [];
  const definitions: string[] = [];
  const logged: TestEngine['logged'] = [];
  const log = (level: string) => (context: object, message: string) => void logged.push({ level, message, context });
  const logger: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
  const refusals = new Map<string, number>();
  const endings = new Map<string, number>();
  const connections = new Map<string, number>();
  const gauges = new Map<string, number>();
  const add = (counts: Map<string, number>, name: string, count: number) =>
    void counts.set(name, (counts.get(name) ?? 0) + count);
  const instruments = {
    restarts: { inc: ({ reason }: Reason) => void restarts.push(reason) },
    definitions: { inc: ({ outcome }: Outcome) => void definitions.push(outcome) },
    refusals: { inc: ({ reason }: Reason, count = 1) => add(refusals, reason, count) },
    cancelled: { inc: ({ reason }: Reason, count = 1) => add(endings, reason, count) },
    streamed: { inc: (count = 1) => add(endings, 'streamed', count) },
    resultFiles: { inc: ({ outcome }: Outcome, count = 1) => add(endings, outcome, count) },
    heldBytes: { set: (bytes: number) => void gauges.set('held', bytes) },
    heldBytesMax: { set: (bytes: number) => void gauges.set('heldMax', bytes) },
    keptConnections: {
      inc: ({ account, outcome }: Kept, count = 1) => add(connections, `${account} ${outcome}`, count),
    },
    waitingConnections: { set: ({ account }: Account, count: number) => void gauges.set(`${account} wait`, count) },
  };
  const writerPassword = "writer's \\secret";
  const engine = createEngineProcess(
    { logger, clock: systemClock, instruments, locker: createFileLocker({ lock: tryLoadFileLock() }) },
    // A guest's body that is slow here is one of a machine that does much else.
    { ...engineLimits, guestBodyMsMax: 120_000, port: 0, writerPassword, ...options, dataDir, spoolDir },
  );
  return {
    engine,
    dataDir,
    spoolDir,
    writerPassword,
    restarts,
    definitions,
    refusals,
    endings,
    connections,
    gauges,
    logged,
    clientOptions: () => ({
      url: `${engine.url}/?${interpreting}`,
      channelPath: engine.channelPath,
      database: options.database ?? 'tidemark',
      writer: { user: options.writerUser ?? 'tidemark', password: options.writerPassword ?? writerPassword },
      reader: { user: collectorReader, password: options.writerPassword ?? writerPassword },
    }),
    async end() {
      await engine.stop(5_000);
      rmSync(root, { recursive: true, force: true });
    },
  };
}

interface Outcome {
  readonly outcome: string;
}

interface Account {
  readonly account: string;
}

interface Kept extends Account, Outcome {}

interface Reason {
  readonly reason: string;
}

/** The id of a process that is there: 0 would stand for the whole group of the test. */
export function mustBePid(pid: number | undefined): number {
  if (pid === undefined || pid <= 0) throw new Error('no engine runs');
  return pid;
}
