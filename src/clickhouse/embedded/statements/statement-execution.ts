import { type Clock, sleep } from '../../../core/clock.js';
import type { ChdbEngine, ChdbResult, EngineConnection } from '../chdb-engine.js';
import { ClickHouseException } from '../clickhouse-exception.js';
import { holdEnd, type StreamedResult } from '../front/result-stream.js';
import type { ConnectionSetup } from './connection-prelude.js';
import { HeldResult } from './held/held-result.js';
import type { ResultSpace } from './held/result-space.js';
import { PipePaths } from './pipe-paths.js';
import type { Holding } from './prepared-statement.js';
import type { RequestLane } from './request-lane.js';
import { ResultPipe } from './result-pipe.js';
import type { StatementConnection, StatementConnections } from './statement-connections.js';
import { followProgress, type ProgressListener } from './statement-progress.js';
import type { DeliveredResult } from './statement-result.js';

/** A statement that may run. */
export interface Execution {
  readonly setup: ConnectionSetup;
  /** The statement, given where its result goes: null is the answer of the engine, else a path. */
  readonly sql: (outfile: string | null) => string;
  /** The format of a statement that names none, and the one that counts. */
  readonly format: { readonly asked: string; readonly named: string };
  readonly lane: RequestLane;
  /** Of a session; null runs it on one of `connections`. */
  readonly connection: EngineConnection | null;
  readonly connections: StatementConnections;
  /** Aborted when the client went away, or somebody wants it ended. */
  readonly signal: AbortSignal;
  readonly isRead: boolean;
  /** Whether it is cancelled then. */
  readonly isCancellable: boolean;
  readonly holding: Holding;
  /** Told how far it is while it runs; null when nobody wants to know. */
  readonly progress: ProgressListener | null;
}

export interface Growth {
  /** How long it may take in the lane it began in. */
  readonly msMax: number;
  readonly streams: RequestLane;
}

export type StreamSender = (result: StreamedResult) => Promise<void>;

/**
 * Runs statements that may run: waits for the lane, gives each a connection, cancels reads that nobody waits for. A
 * result is handed over whole by the engine, or through a named pipe while it is made.
 */
export class StatementExecution {
  readonly #engine: ChdbEngine;
  readonly #clock: Clock;
  readonly #pipes: PipePaths;
  #grown = 0;

  constructor(deps: { readonly engine: ChdbEngine; readonly clock: Clock }, resultDir: string) {
    this.#engine = deps.engine;
    this.#clock = deps.clock;
    this.#pipes = new PipePaths(resultDir);
  }

  /** Results that became streams. */
  get grown(): number {
    return this.#grown;
  }

  async whole(execution: Execution): Promise<ChdbResult> {
    return await execution.lane.run(execution.signal, async () => {
      const { running, on } = this.#start(execution, null);
      const { isCancellable, isRead, signal } = execution;
      if (isCancellable) this.#cancelOnAbort(signal, { running, on, isWrite: !isRead });
      return await running;
    });
  }

  /** The whole result: whatever the engine takes for its size, its bytes are counted as it is made. */
  async held(execution: Execution, space: ResultSpace): Promise<DeliveredResult> {
    const held = new HeldResult(space);
    try {
      const result = await execution.lane.run(execution.signal, () =>
        this.#piped(execution, (made) => held.take(made)),
      );
      return { ...result, bytes: held.finish(), held: held.isInFile ? held : null };
    } catch (error) {
      await held.close();
      throw error;
    }
  }

  /** Ends when the engine is done with the statement, sent or not: until then it holds its place in the lane. */
  async streamed(execution: Execution, send: StreamSender): Promise<void> {
    await execution.lane.run(execution.signal, () =>
      this.#piped(execution, async (made, running) => {
        await send({ ...headOf(execution), chunks: holdEnd(made, running, execution.holding.endBytes) });
      }),
    );
  }

  /**
   * The whole result if it is small; a larger one goes to `send`, and null comes back. Its place is then one of
   * `streams`, if there is one and for as long as the statement may take; else it keeps the one it has, and its time.
   */
  async growing(execution: Execution, growth: Growth, send: StreamSender): Promise<ChdbResult | null> {
    const { msMax, streams } = growth;
    const { bytesMax: heldBytesMax, endBytes } = execution.holding;
    const limited = this.#limited(execution.signal, msMax);
    const chunks: Buffer[] = [];
    let isSent = false;
    let result: Promise<ChdbResult> | null = null;
    const take = (leave: () => void) => async (made: AsyncIterable<Buffer>, running: Promise<ChdbResult>) => {
      const rest = made[Symbol.asyncIterator]();
      for (let bytes = 0; bytes <= heldBytesMax; ) {
        const next = await rest.next();
        if (next.done === true) return;
        chunks.push(next.value);
        bytes += next.value.length;
      }
      isSent = true;
      this.#grown++;
      if (streams.hasRoom) {
        limited.lift();
        void streams.run(new AbortController().signal, async () => void (await result?.catch(noop)));
        leave();
      }
      const told = (error: unknown) => (limited.isOver ? timeExceeded(msMax) : error);
      await send({ ...headOf(execution), chunks: telling(holdEnd(joined(chunks, rest), running, endBytes), told) });
    };
    try {
      await execution.lane.run(limited.signal, async () => {
        let leave: () => void = noop;
        const left = new Promise<void>((resolve) => {
          leave = resolve;
        });
        result = this.#piped({ ...execution, signal: limited.signal }, take(leave));
        await Promise.race([left, result]);
      });
      const ended = await result;
      return isSent || ended === null ? null : { ...(ended as ChdbResult), bytes: Buffer.concat(chunks) };
    } catch (error) {
      throw limited.isOver ? timeExceeded(msMax) : error;
    } finally {
      limited.lift();
    }
  }

  /** `signal`, and an abort of its own when the time is over before `lift`. */
  #limited(signal: AbortSignal, msMax: number) {
    const controller = new AbortController();
    let isOver = false;
    const onAbort = () => controller.abort(signal.reason);
    const timer = this.#clock.setTimer(msMax, () => {
      isOver = true;
      controller.abort();
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    return {
      signal: controller.signal,
      get isOver() {
        return isOver;
      },
      lift: () => timer.cancel(),
    };
  }

  async #piped(
    execution: Execution,
    take: (made: AsyncIterable<Buffer>, running: Promise<ChdbResult>) => Promise<void>,
  ): Promise<ChdbResult> {
    const path = this.#pipes.take();
    const pipe = await ResultPipe.open(path);
    const given = new AbortController();
    given.signal.addEventListener('abort', () => pipe.abandon(), { once: true });
    const giveUp = () => given.abort();
    execution.signal.addEventListener('abort', giveUp, { once: true });
    if (execution.signal.aborted) giveUp();
    const { running: started, on } = this.#start(execution, path);
    const running = started.catch((error) => {
      throw withoutPath(error, path);
    });
    this.#cancelOnAbort(given.signal, { running: started, on, isWrite: false });
    const ended = running.then(noop, noop).then(() => pipe.endWriting());
    async function* made(): AsyncGenerator<Buffer> {
      try {
        yield* pipe.chunks();
      } catch (error) {
        // A pipe that was given up says nothing of why; the statement does.
        giveUp();
        await running;
        throw error;
      }
    }
    try {
      await take(made(), running);
      return await running;
    } finally {
      execution.signal.removeEventListener('abort', giveUp);
      giveUp();
      await ended;
      pipe.close();
      this.#pipes.give(path);
    }
  }

  #start({ setup, sql, format, connection, connections, progress }: Execution, outfile: string | null) {
    const on = connections.take(setup, connection);
    const running = on.run(sql(outfile), format.asked);
    if (progress !== null)
      void followProgress({ engine: this.#engine, clock: this.#clock }, { running, tag: on.tag }, progress);
    return { running, on };
  }

  /** A query is listed only some time after it was handed over, so the engine is asked until it is gone. */
  #cancelOnAbort(signal: AbortSignal, query: CancellableQuery): void {
    let done = false;
    const cancel = async () => {
      if (!query.on.spoil()) return;
      for (let attempt = 0; attempt < cancelAttemptsMax && !done; attempt++) {
        await this.#engine.cancel(query.on.tag).catch(() => undefined);
        await sleep(this.#clock, cancelPauseMs);
      }
    };
    const onAbort = () => {
      if (!(query.isWrite && signal.reason === engineStops)) void cancel();
    };
    const finish = () => {
      done = true;
      signal.removeEventListener('abort', onAbort);
    };
    void query.running.then(finish, finish);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  }
}

function headOf({ format, setup }: Execution): Omit<StreamedResult, 'chunks'> {
  return { format: format.named, timezone: setup.settings.get('session_timezone') ?? '' };
}

interface CancellableQuery {
  readonly running: Promise<unknown>;
  readonly on: StatementConnection;
  readonly isWrite: boolean;
}

/** Why a request is aborted when the engine ends: a write goes on for as long as there is time. */
export const engineStops = Symbol('the engine stops');

async function* joined(chunks: Buffer[], rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) yield chunk;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

async function* telling(chunks: AsyncIterable<Buffer>, told: (error: unknown) => unknown): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } catch (error) {
    throw told(error);
  }
}

/** In the engine's words: it would say so itself, if it were told which results are sent while they are made. */
function timeExceeded(msMax: number): ClickHouseException {
  return new ClickHouseException('TIMEOUT_EXCEEDED', `Timeout exceeded: maximum: ${msMax} ms.`);
}

/** Error texts quote the statement; the path of its pipe is not the client's. */
function withoutPath(error: unknown, path: string): ClickHouseException {
  const exception = ClickHouseException.from(error);
  exception.message = exception.message.replaceAll(path, '');
  return exception;
}

const noop = () => undefined;
const cancelAttemptsMax = 50;
const cancelPauseMs = 100;
