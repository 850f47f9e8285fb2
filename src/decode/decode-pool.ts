import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { Clock } from '../core/clock.js';
import { CollectorError, errorMessage } from '../core/errors.js';
import type { DecodedBatch, FrameBatch } from '../core/event-batch.js';
import type { DecodeInstruments } from '../core/instruments.js';
import type { FrameLimits } from '../core/limits.js';
import type { Logger } from '../core/logger.js';
import { packageFile } from '../core/package-root.js';
import { Pause } from '../core/pause.js';
import type { FrameDecoder } from '../core/ports/frame-decoder.js';
import type { DependencyHealth, HealthProbe } from '../core/ports/health-probe.js';
import { SharedBuffers } from '../core/shared-buffers.js';
import type { Stage } from '../core/stage.js';
import { instant } from '../core/time-text.js';
import { copiedParts, type PackedBatch, unpackBatch } from './batch-transfer.js';

/** Of each kind: those being decoded, and those that are being written meanwhile. Beyond them lists are copied. */
const buffersBesideThreads = 24;
/** Bytes of a buffer for the rows or the lists, by bytes of a batch's frames: 1.2 and 0.7 with frames of 22 fields. */
const rowBytesRatio = 3;
const sideBytesRatio = 2;

export interface DecodePoolDeps {
  readonly logger: Logger;
  readonly instruments: DecodeInstruments;
  readonly clock: Clock;
}

export interface DecodePoolOptions {
  readonly threads: number;
  readonly limits: FrameLimits;
  /** Bytes of frames in a batch, as a rule. */
  readonly batchBytesMax: number;
  /** Batches that wait for a thread; one more is refused as `overloaded`. */
  readonly queueMax: number;
  /** The threads' module, when it is not the built one. */
  readonly workerFile?: URL;
}

/** What `/metrics` shows of the pool. */
interface DecodePoolUsage {
  readonly workers: number;
  /** Share of the threads' time spent on batches since the last call, 0 to 1. */
  readonly utilisation: number;
  readonly queueDepth: number;
}

export interface DecodePool extends FrameDecoder, Required<Stage>, HealthProbe {
  readonly name: string;
  health(): DependencyHealth;
  usage(): DecodePoolUsage;
}

export function createDecodePool(deps: DecodePoolDeps, options: DecodePoolOptions): DecodePool {
  return new PiscinaDecodePool(deps, options);
}

/**
 * A fixed number of threads, each with a batch decoder of its own. Bytes, rows and lists lie in memory that they share
 * with the main thread, and are copied when there is no room (see batch-transfer.ts). A thread that dies takes its
 * batch with it (`internal`: the client resends, nothing of it was acknowledged) and is replaced. Idle threads sleep
 * and cost nothing.
 */
class PiscinaDecodePool implements DecodePool {
  readonly name = 'decode';
  readonly ifUnhealthy = 'unhealthy';
  readonly #deps: DecodePoolDeps;
  readonly #options: DecodePoolOptions;
  #pool: Piscina<FrameBatch, PackedBatch> | null = null;
  #started = false;
  #stopping: Promise<void> | null = null;
  #inFlight = 0;
  #restarts = 0;
  /** For the rows of batches to come, and for their lists. */
  readonly #spares: SharedBuffers;
  readonly #sides: SharedBuffers;
  readonly #drain: Pause;
  /** Thread time spent on batches up to `#busySinceMs`, since the last `usage`. */
  #busyMs = 0;
  #busySinceMs: number;
  #usageSinceMs: number;

  constructor(deps: DecodePoolDeps, options: DecodePoolOptions) {
    this.#deps = deps;
    this.#options = options;
    const countMax = options.threads + buffersBesideThreads;
    this.#spares = new SharedBuffers({ bytes: rowBytesRatio * options.batchBytesMax, countMax });
    this.#sides = new SharedBuffers({ bytes: sideBytesRatio * options.batchBytesMax, countMax });
    this.#drain = new Pause(deps.clock);
    this.#busySinceMs = deps.clock.monotonicMs();
    this.#usageSinceMs = this.#busySinceMs;
  }

  /** Starts the threads and lets each decode a batch: then its modules are loaded, and it is known to work. */
  async start(): Promise<void> {
    if (this.#pool !== null || this.#stopping !== null) return;
    const pool = this.#createPool();
    this.#pool = pool;
    try {
      // The pool gives a batch to an idle thread, so each gets one.
      const tries = Array.from({ length: this.#options.threads }, () => createFirstBatch(this.#deps.clock.nowMs()));
      await Promise.all(tries.map((batch) => pool.run(batch)));
    } catch (error) {
      await pool.destroy();
      this.#pool = null;
      throw new CollectorError('internal', `cannot start decoding threads: ${errorMessage(error)}`, { cause: error });
    }
    this.#started = true;
  }

  #createPool(): Piscina<FrameBatch, PackedBatch> {
    const { threads, queueMax, limits, workerFile } = this.#options;
    const pool = new Piscina<FrameBatch, PackedBatch>({
      filename: fileURLToPath(workerFile ?? packageFile('dist/workers/decode-worker.js')),
      minThreads: threads,
      maxThreads: threads,
      // The pool's own bound is never met: `decode` refuses first, with a code.
      maxQueue: queueMax + threads,
      // A thread without work sleeps on its port. 'sync' and 'async' measure the same, for batches of 1, 10 and
      // 4,000 events: 10k, 8k and 0.17k batches per CPU-second, 0.07, 0.1 and 17 ms.
      atomics: 'disabled',
      recordTiming: false,
      workerData: limits,
    });
    pool.on('workerCreate', () => this.#onWorkerCreated());
    pool.on('error', (error) => {
      this.#deps.logger.error({ cause: errorMessage(error) }, 'decoding thread failed');
    });
    return pool;
  }

  #onWorkerCreated(): void {
    if (!this.#started || this.#stopping !== null) return;
    this.#restarts++;
    this.#deps.instruments.workerRestarts.inc();
    this.#deps.logger.warn({ restarts: this.#restarts }, 'decoding thread was replaced');
  }

  async decode(batch: FrameBatch): Promise<DecodedBatch> {
    const pool = this.#pool;
    if (pool === null || !this.#started || this.#stopping !== null) {
      throw new CollectorError('stopping', 'cannot decode batch: the decoding threads are not running');
    }
    const { threads, queueMax } = this.#options;
    if (this.#inFlight >= threads + queueMax) {
      throw new CollectorError('overloaded', `cannot decode batch: ${this.#inFlight} batches are under way`);
    }
    this.#count(1);
    const startedMs = this.#deps.clock.monotonicMs();
    const spare = this.#spares.tryTake();
    const side = this.#sides.tryTake();
    try {
      const decoded = unpackBatch(await pool.run({ ...batch, spare, side }), batch.bytes);
      // Rows that did not fit into it, or none, were copied.
      if (spare !== null && !(decoded.rows.buffer instanceof SharedArrayBuffer)) this.#spares.give(spare);
      this.#deps.instruments.batchSeconds.observe((this.#deps.clock.monotonicMs() - startedMs) / 1_000);
      this.#deps.instruments.batchRows.observe(decoded.rowCount);
      for (const part of copiedParts(decoded)) this.#deps.instruments.copied.inc({ part });
      return decoded;
    } catch (error) {
      // The thread has ended, or is done with the batch.
      if (spare !== null) this.#spares.give(spare);
      if (side !== null) this.#sides.give(side);
      throw new CollectorError('internal', `cannot decode batch: ${errorMessage(error)}`, { cause: error });
    } finally {
      this.#count(-1);
      if (this.#inFlight === 0) this.#drain.wake();
    }
  }

  takeBack(rows: Uint8Array): void {
    this.#spares.give(rows.buffer);
  }

  takeBackSide(side: ArrayBufferLike): void {
    this.#sides.give(side);
  }

  idleWorkers(): number {
    return Math.max(0, this.#options.threads - this.#inFlight);
  }

  /** Accounts the thread time so far, then changes the number of batches under way. */
  #count(change: number): void {
    const nowMs = this.#deps.clock.monotonicMs();
    this.#busyMs += Math.min(this.#inFlight, this.#options.threads) * (nowMs - this.#busySinceMs);
    this.#busySinceMs = nowMs;
    this.#inFlight += change;
  }

  usage(): DecodePoolUsage {
    this.#count(0);
    const { threads } = this.#options;
    const elapsedMs = this.#busySinceMs - this.#usageSinceMs;
    const utilisation = elapsedMs > 0 ? this.#busyMs / (elapsedMs * threads) : 0;
    this.#busyMs = 0;
    this.#usageSinceMs = this.#busySinceMs;
    return { workers: this.#workers(), utilisation, queueDepth: Math.max(0, this.#inFlight - threads) };
  }

  #workers(): number {
    return this.#pool?.threads.length ?? 0;
  }

  health(): DependencyHealth {
    const workers = this.#workers();
    const { threads } = this.#options;
    const running = this.#started && this.#stopping === null;
    const status = !running || workers === 0 ? 'unhealthy' : workers < threads ? 'degraded' : 'healthy';
    const reason = status === 'healthy' ? null : `${running ? workers : 0} of ${threads} decoding threads are running.`;
    const details = { workers, threads, batchesInFlight: this.#inFlight, restarts: this.#restarts };
    return { name: this.name, status, reason, details };
  }

  /** Lets the batches under way finish, up to the deadline, then ends the threads. */
  stop(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs);
    return this.#stopping;
  }

  async #stop(deadlineMs: number): Promise<void> {
    const pool = this.#pool;
    if (pool === null) return;
    if (this.#inFlight > 0) await this.#drain.wait(deadlineMs);
    await pool.destroy();
    this.#pool = null;
  }
}

/**
 * JSON goes through every part of the decoder: parser, reader, columns, slices. One batch is enough: twenty of them had
 * its code compiled before the first frame, and a start took 0.4 s of CPU more, where the first 4,000 events then take
 * 0.25 s more.
 */
function createFirstBatch(receivedMs: number): FrameBatch {
  const events = Array.from({ length: 200 }, (_, index) => ({
    type: index % 10 === 0 ? 'task.failed' : 'task.completed',
    event_id: `first-${index}`,
    agent_id: `agent-${index % 7}`,
    task_id: `task-${index}`,
    started_at: receivedMs - index,
    ended_at: instant(receivedMs),
    confidence: 0.5,
    tokens_in: 1_000 + index,
    error_category: index % 10 === 0 ? 'tool' : null,
    error_message: index % 10 === 0 ? 'timed out after 30 s' : null,
    labels: { region: 'eu' },
  }));
  const encoded = new TextEncoder().encode(JSON.stringify({ seq: 1, events }));
  const bytes = new Uint8Array(encoded.length);
  bytes.set(encoded);
  const frame = { offset: 0, length: bytes.length, format: 'json', tenant: '', contentAllowed: false } as const;
  const frames = [{ ...frame, duplicate: false, duplicateEvents: [] }];
  return { bytes: bytes.buffer, frames, receivedMs, clockMs: receivedMs };
}
