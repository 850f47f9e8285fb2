import type {
  ConnectionAccount,
  EngineCancellation,
  EngineRefusal,
  EngineResultFile,
  KeptConnections,
} from '../../../core/instruments.js';

/**
 * What the collector and its engine process say to each other over the IPC channel of `child_process.fork`.
 *
 * The collector sends `start` once, then any number of `probe`, then `stop`. The engine answers `start` with
 * `ready` or `failed` (and exits after the latter), a `probe` with a `probed` of the same id (one that `proves`, once
 * it has run a statement; with `fatal` before, when it will run none any more), and sends `log` whenever it has
 * something to say. With `listen`, at most once and after `ready`, comes the socket of the open port, answered with
 * `listening`. A closed channel means that the collector is gone: the engine drains and exits by itself. Options travel
 * by message and not as arguments, because a command line is public; of passwords only hashes do, so that the engine's
 * own memory holds none.
 *
 * Descriptor 4 is the engine's lock of its directory, on a file that its collector has locked before it was forked:
 * it has nothing to do for it but to live.
 */
export type EngineCommand =
  | { readonly type: 'start'; readonly options: EngineOptions }
  | { readonly type: 'listen' }
  | { readonly type: 'probe'; readonly id: number; readonly proves: boolean }
  | { readonly type: 'stop'; readonly deadlineMs: number };

export type EngineReport =
  | { readonly type: 'ready'; readonly version: string }
  | { readonly type: 'listening' }
  | { readonly type: 'failed'; readonly reason: EngineStartFailure; readonly message: string }
  | { readonly type: 'probed'; readonly id: number; readonly load: EngineLoad }
  | { readonly type: 'fatal'; readonly message: string }
  | {
      readonly type: 'log';
      readonly level: EngineLogLevel;
      readonly context: object;
      readonly message: string;
    };

export type EngineLogLevel = 'debug' | 'info' | 'warn' | 'error';

/** `library`: it does not load. */
export type EngineStartFailure = 'library' | 'engine_error';

/**
 * Whether it refused a statement of its own because its memory is taken; `idle` when it has nothing to do with that
 * memory, no statement and no merge.
 */
export type MemoryShortage = 'none' | 'in_use' | 'idle';

export interface EngineLoad {
  /** Null where the system does not tell. */
  readonly rssBytes: number | null;
  /** Found by a probe that proves. */
  readonly shortage: MemoryShortage;
  /** Of the collector. */
  readonly readsRunning: number;
  readonly readsWaiting: number;
  /** Results that are being sent while they are made. */
  readonly streamsRunning: number;
  readonly writesWaiting: number;
  /** Of everybody else. */
  readonly guestReadsRunning: number;
  readonly guestReadsWaiting: number;
  readonly guestStreamsRunning: number;
  readonly guestSessions: number;
  /** What guests were refused since the engine's start, by reason. */
  readonly refusals: Readonly<Record<EngineRefusal, number>>;
  /** Statements of guests that were ended since then, by reason, and results that became streams. */
  readonly cancelled: Readonly<Record<EngineCancellation, number>>;
  readonly streamed: number;
  /** Results that were held in a file, or would have been, by what became of them. */
  readonly resultFiles: Readonly<Record<EngineResultFile, number>>;
  /** Of those that are held in files now, a file in steps of 16 MiB, and of all that may be. */
  readonly heldBytes: number;
  readonly heldBytesMax: number;
  /** Those that wait for a statement, and what became of them since the start. */
  readonly connections: Readonly<Record<ConnectionAccount, KeptConnections>>;
}

/** Somebody who reads through the open port: the contract views, of all tenants or of one. */
interface EngineReader {
  readonly name: string;
  readonly passwordHash: string;
  readonly tenant: string | null;
}

export interface EngineOptions extends EngineLimits, FixedEngineLimits {
  /**
   * The engine's own directory and its current one: `engine.sock` is the collector's channel, `db/` is chDB's,
   * `inserts/` holds request bodies until they are inserted, `results/` the pipes of results, and for a moment the
   * names of files that hold some until they are complete.
   */
  readonly dataDir: string;
  /** The open port, on the loopback address, whose socket the collector sends. */
  readonly port: number;
  /** The only directory from which the writer may insert by path. */
  readonly spoolDir: string;
  /** Created at start, ENGINE = Atomic; the current database of every request that names none. */
  readonly database: string;
  /** No row is removed because of its age: the engine goes by the wall clock, which may be wrong for a while. */
  readonly keepsExpired: boolean;
  /** Nothing is merged until the engine is told to. */
  readonly holdsMerges: boolean;
  /** Tables and views of `database` that are open to readers. */
  readonly readerTables: readonly string[];
  /** Host names, beside the loopback ones, by which the open port is addressed; `*` for any. */
  readonly hosts: readonly string[];
  /** Origins whose pages may query the open port and read its answers; `*` for any. */
  readonly corsOrigins: readonly string[];
  readonly writerUser: string;
  /** Also of the collector's accounts. */
  readonly writerPasswordHash: string;
  /** The first is who names no user. */
  readonly readers: readonly EngineReader[];
}

/** Limits that the configuration sets. */
export interface EngineLimits {
  /** Cap of the engine's process, resident bytes; a query beyond it fails with code 241. */
  readonly memoryBytesMax: number;
  /** Reads of the collector that run at once. Its writes run one after another on a connection of their own. */
  readonly readConnections: number;
  /** Reads of guests that run at once, results of theirs that are sent while they are made, and their connections. */
  readonly guestReadsMax: number;
  readonly guestStreamsMax: number;
  readonly guestConnectionsMax: number;
  /**
   * What one of those reads may take: time, memory, threads, rows and bytes (as they are sent) of a result that is not
   * streamed. Beyond it codes 159, 241 and 396.
   */
  readonly guestQueryMsMax: number;
  readonly guestMemoryBytesMax: number;
  readonly guestResultBytesMax: number;
  /** Of all those at once that are held in files; beyond it code 202. */
  readonly guestHeldBytesMax: number;
  /** Used share of the disk beyond which none of these files grows: code 243. */
  readonly heldDiskUsedRatioMax: number;
  readonly guestThreadsMax: number;
  readonly guestRowsMax: number;
  /** Results of the collector that are sent while they are made; the next is refused with code 202. */
  readonly streamsMax: number;
  /** How long such a read may run, the time its client takes included. */
  readonly streamMsMax: number;
  /** Such a client that takes nothing for this long is cut off. */
  readonly streamIdleMsMax: number;
}

/** Limits that are the same everywhere. */
interface FixedEngineLimits {
  /** How long a guest's request may take to arrive, without the data of an INSERT. */
  readonly guestBodyMsMax: number;
  /** Requests of one kind that may wait for a connection; the next is refused with code 202. */
  readonly waitingRequestsMax: number;
  /** Bytes of the SQL of one request, without the data of an INSERT; of the collector, and of guests. */
  readonly queryBytesMax: number;
  readonly guestQueryBytesMax: number;
  /** Bytes of the data of one INSERT, inflated. */
  readonly insertBytesMax: number;
  /** Bytes of a form, inflated, and tables that may come with it. */
  readonly formBytesMax: number;
  readonly externalTablesMax: number;
  /** Bytes of a result of the collector that is not streamed, as held by the engine before formatting. */
  readonly resultBytesMax: number;
  /** How long a read of the collector may run; it may ask for less. */
  readonly queryMsMax: number;
  /** Sessions of one user of the open port, and of all those that may have temporary tables. */
  readonly userSessionsMax: number;
  readonly temporarySessionsMax: number;
  /** How long the engine goes on for what is under way when its collector is gone. */
  readonly drainMsMax: number;
}

const mebibyte = 1_048_576;

export const fixedEngineLimits: FixedEngineLimits = {
  guestBodyMsMax: 15_000,
  waitingRequestsMax: 64,
  queryBytesMax: mebibyte,
  guestQueryBytesMax: mebibyte / 4,
  insertBytesMax: 1_024 * mebibyte,
  formBytesMax: 64 * mebibyte,
  externalTablesMax: 16,
  resultBytesMax: 64 * mebibyte,
  queryMsMax: 60_000,
  userSessionsMax: 256,
  temporarySessionsMax: 8,
  drainMsMax: 10_000,
};
