/**
 * What the collector and its engine process say to each other over the IPC channel of `child_process.fork`.
 *
 * The collector sends `start` once, then any number of `probe`, then `stop`. The engine answers `start` with
 * `ready` or `failed` (and exits after the latter), a `probe` with a `probed` of the same id, and sends `log`
 * whenever it has something to say. A closed channel means that the collector is gone: the engine drains and
 * exits by itself. Options travel by message and not as arguments, because a command line is public.
 */
export type EngineCommand =
  | { readonly type: 'start'; readonly options: EngineOptions }
  | { readonly type: 'probe'; readonly id: number }
  | { readonly type: 'stop'; readonly deadlineMs: number };

export type EngineReport =
  | { readonly type: 'ready'; readonly port: number; readonly version: string }
  | { readonly type: 'failed'; readonly reason: EngineStartFailure; readonly message: string }
  | { readonly type: 'probed'; readonly id: number; readonly load: EngineLoad }
  | {
      readonly type: 'log';
      readonly level: EngineLogLevel;
      readonly context: object;
      readonly message: string;
    };

export type EngineLogLevel = 'debug' | 'info' | 'warn' | 'error';

/** `port_in_use` and `data_dir_locked` pass when the engine of a killed collector has drained. */
export type EngineStartFailure = 'port_in_use' | 'data_dir_locked' | 'engine_error';

export interface EngineLoad {
  readonly rssBytes: number;
  readonly readsRunning: number;
  readonly readsWaiting: number;
  /** Results that are being sent while they are made. */
  readonly streamsRunning: number;
  readonly writesWaiting: number;
}

export interface EngineOptions extends EngineLimits {
  /**
   * The engine's own directory: `db/` is chDB's, `inserts/` holds request bodies until they are inserted, `results/`
   * the pipes of results that are sent while they are made.
   */
  readonly dataDir: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The only directory from which the writer may insert by path. */
  readonly spoolDir: string;
  /** Created at start, ENGINE = Atomic; the current database of every request that names none. */
  readonly database: string;
  readonly writerUser: string;
  readonly writerPassword: string;
  readonly readerUser: string;
  readonly readerPassword: string;
}

export interface EngineLimits {
  /** Cap of the engine's process, resident bytes; a query beyond it fails with code 241. */
  readonly memoryBytesMax: number;
  /** Reads that run at once. Writes run one after another on a connection of their own. */
  readonly readConnections: number;
  /** Requests of one kind that may wait for a connection; the next is refused with code 202. */
  readonly waitingRequestsMax: number;
  /** Bytes of the SQL of one request, without the data of an INSERT. */
  readonly queryBytesMax: number;
  /** Bytes of the data of one INSERT, inflated. */
  readonly insertBytesMax: number;
  /** Bytes of a result that is not streamed, as held by the engine before formatting; beyond it code 396. */
  readonly resultBytesMax: number;
  /** How long a read may run; a client may ask for less. */
  readonly queryMsMax: number;
  /** Results that are sent while they are made, beside the other reads; the next is refused with code 202. */
  readonly streamsMax: number;
  /** How long such a read may run, the time its client takes included. */
  readonly streamMsMax: number;
  /** Such a client that takes nothing for this long is cut off. */
  readonly streamIdleMsMax: number;
  /** How long the engine goes on for what is under way when its collector is gone. */
  readonly drainMsMax: number;
}

const mebibyte = 1_048_576;

export const defaultEngineLimits: EngineLimits = {
  memoryBytesMax: 2_048 * mebibyte,
  readConnections: 2,
  waitingRequestsMax: 64,
  queryBytesMax: mebibyte,
  insertBytesMax: 1_024 * mebibyte,
  resultBytesMax: 64 * mebibyte,
  queryMsMax: 60_000,
  streamsMax: 4,
  streamMsMax: 3_600_000,
  streamIdleMsMax: 60_000,
  drainMsMax: 10_000,
};
