import { type Clock, sleep } from '../../../core/clock.js';
import type { ChdbEngine, ChdbResult } from '../chdb-engine.js';
import { ClickHouseException } from '../clickhouse-exception.js';
import { holdEnd, type StreamedResult } from '../front/result-stream.js';
import { type ConnectionSetup, preludeOf } from './connection-prelude.js';
import { PipePaths } from './pipe-paths.js';
import type { RequestLane } from './request-lane.js';
import { ResultPipe } from './result-pipe.js';

/** A statement that may run. */
export interface Execution {
  readonly setup: ConnectionSetup;
  /** The statement, given where its result goes: null is the answer of the engine, else a path. */
  readonly sql: (outfile: string | null) => string;
  /** The format of a statement that names none, and the one that counts. */
  readonly format: { readonly asked: string; readonly named: string };
  readonly lane: RequestLane;
  /** Aborted when the client went away, or somebody wants it ended. */
  readonly signal: AbortSignal;
  readonly isRead: boolean;
  /** Whether it is cancelled then. */
  readonly isCancellable: boolean;
}

export type StreamSender = (result: StreamedResult) => Promise<void>;

/**
 * Runs statements that may run: waits for the lane, gives each a connection of its own, cancels reads that nobody
 * waits for. A result is handed over whole by the engine, or through a named pipe while it is made.
 */
export class StatementExecution {
  readonly #engine: ChdbEngine;
  readonly #clock: Clock;
  readonly #pipes: PipePaths;
  #serial = 0;

  constructor(deps: { readonly engine: ChdbEngine; readonly clock: Clock }, resultDir: string) {
    this.#engine = deps.engine;
    this.#clock = deps.clock;
    this.#pipes = new PipePaths(resultDir);
  }

  async whole(execution: Execution): Promise<ChdbResult> {
    return await execution.lane.run(execution.signal, async () => {
      const { running, tag } = this.#start(execution, null);
      const { isCancellable, isRead, signal } = execution;
      if (isCancellable) this.#cancelOnAbort(signal, { running, tag, isWrite: !isRead });
      return await running;
    });
  }

  /** The whole result, of at most `bytesMax`: whatever the engine takes for its size, this is counted as it is made. */
  async bounded(execution: Execution, bytesMax: number): Promise<ChdbResult> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    const result = await this.#piped(execution, async (made) => {
      for await (const chunk of made) {
        bytes += chunk.length;
        if (bytes > bytesMax) throw tooLarge(bytesMax);
        chunks.push(chunk);
      }
    });
    return { ...result, bytes: Buffer.concat(chunks) };
  }

  /** Ends when the engine is done with the statement, sent or not: until then it holds its place in the lane. */
  async streamed(execution: Execution, send: StreamSender): Promise<void> {
    await this.#piped(execution, async (made, running) => {
      await send({ format: execution.format.named, chunks: holdEnd(made, running) });
    });
  }

  async #piped(
    execution: Execution,
    take: (made: AsyncIterable<Buffer>, running: Promise<ChdbResult>) => Promise<void>,
  ): Promise<ChdbResult> {
    return await execution.lane.run(execution.signal, async () => {
      const path = this.#pipes.take();
      const pipe = await ResultPipe.open(path);
      const given = new AbortController();
      given.signal.addEventListener('abort', () => pipe.abandon(), { once: true });
      const giveUp = () => given.abort();
      execution.signal.addEventListener('abort', giveUp, { once: true });
      if (execution.signal.aborted) giveUp();
      const { running: started, tag } = this.#start(execution, path);
      const running = started.catch((error) => {
        throw withoutPath(error, path);
      });
      this.#cancelOnAbort(given.signal, { running, tag, isWrite: false });
      const ended = running.then(noop, noop).then(() => pipe.endWriting());
      try {
        await take(pipe.chunks(), running);
        return await running;
      } catch (error) {
        if (error instanceof ClickHouseException) throw error;
        // A pipe that was given up says nothing of why; the statement does.
        giveUp();
        await running;
        throw error;
      } finally {
        execution.signal.removeEventListener('abort', giveUp);
        giveUp();
        await ended;
        pipe.close();
        this.#pipes.give(path);
      }
    });
  }

  #start({ setup, sql, format }: Execution, outfile: string | null) {
    const tag = this.#tag();
    const settings = new Map(setup.settings);
    settings.set('log_comment', `${settings.get('log_comment') ?? ''}${tag}`);
    return { running: this.#engine.run(preludeOf({ ...setup, settings }), sql(outfile), format.asked), tag };
  }

  /**
   * Names a query among the running ones, as the end of its `log_comment`; chDB takes no query id, and the text of a
   * query with parameters is written anew by the engine, without its comments.
   */
  #tag(): string {
    return ` tidemark:${++this.#serial}`;
  }

  /** A query is listed only some time after it was handed over, so the engine is asked until it is gone. */
  #cancelOnAbort(signal: AbortSignal, query: CancellableQuery): void {
    let done = false;
    const cancel = async () => {
      for (let attempt = 0; attempt < cancelAttemptsMax && !done; attempt++) {
        await this.#engine.cancel(query.tag).catch(() => undefined);
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

interface CancellableQuery {
  readonly running: Promise<unknown>;
  readonly tag: string;
  readonly isWrite: boolean;
}

/** Why a request is aborted when the engine ends: a write goes on for as long as there is time. */
export const engineStops = Symbol('the engine stops');

function tooLarge(bytesMax: number): ClickHouseException {
  const advice = 'ask for it with wait_end_of_query=0, and it is sent while it is made';
  const problem = `Limit for result exceeded, max bytes: ${bytesMax}; ${advice}.`;
  return new ClickHouseException('TOO_MANY_ROWS_OR_BYTES', problem);
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
