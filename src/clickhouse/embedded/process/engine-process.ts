import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Backoff, backoffMs } from '../../../core/backoff.js';
import { type Clock, type Random, systemRandom } from '../../../core/clock.js';
import { CollectorError, errorMessage } from '../../../core/errors.js';
import type { FileLocker, HeldLock } from '../../../core/file-lock.js';
import type { EngineInstruments } from '../../../core/instruments.js';
import type { Logger } from '../../../core/logger.js';
import { Pause } from '../../../core/pause.js';
import type { DependencyHealth, HealthProbe } from '../../../core/ports/health-probe.js';
import type { Stage } from '../../../core/stage.js';
import { contractViews } from '../../contract-views.js';
import { passwordHashOf } from '../front/engine-users.js';
import { missing } from '../sandbox/engine-fork.js';
import type { EngineSandbox, SandboxMode } from '../sandbox/launch-report.js';
import { channelPathOf, mustKeepSockets } from './engine-channel.js';
import { EngineChild, type LaunchOutcome } from './engine-child.js';
import { launchOutcome } from './engine-launch.js';
import { EnginePort } from './engine-port.js';
import { type EngineLimits, type EngineOptions, fixedEngineLimits } from './engine-protocol.js';
import { defaultWatch, type UselessEngine, type WatchOptions, watchEngine } from './engine-watch.js';
import { KeptDefinitions } from './kept-definitions.js';

export interface EngineProcessDeps {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random?: Random;
  readonly instruments: EngineInstruments;
  readonly locker: FileLocker;
}

export interface EngineProcessOptions extends EngineLimits, Partial<typeof fixedEngineLimits> {
  /** The engine's own directory; made when it is missing. */
  readonly dataDir: string;
  /** 0 takes a free port, and keeps it over restarts. */
  readonly port: number;
  readonly spoolDir: string;
  readonly writerPassword: string;
  /** Who reads through the open port; default `default` without a password. The first is who names no user. */
  readonly readers?: readonly ReaderAccess[];
  /** What readers may name; default the contract views. */
  readonly readerTables?: readonly string[];
  /** Names beside the loopback ones under which the open port is addressed; default none. */
  readonly hosts?: readonly string[];
  /** Origins whose pages may query the open port; default none. */
  readonly corsOrigins?: readonly string[];
  /** Default `tidemark`. */
  readonly database?: string;
  readonly writerUser?: string;
  /** Default false: the engine removes what has expired. */
  readonly keepsExpired?: boolean;
  /** When an engine that does not answer, or does not become ready, is ended; default `defaultWatch`. */
  readonly watch?: Partial<WatchOptions>;
  /** How long a start waits for the directory and the port of an engine that still drains; default 30 s. */
  readonly startMsMax?: number;
  /** Default `auto`. */
  readonly sandbox?: SandboxMode;
}

/** A reader of the open port, with the password that the engine is told the hash of. */
interface ReaderAccess {
  readonly name: string;
  readonly password: string;
  readonly tenant: string | null;
}

/** The embedded engine, as its collector sees it: a ClickHouse over HTTP that is kept running. */
export interface EngineProcess extends Required<Stage>, HealthProbe {
  /** `http://127.0.0.1:<port>`; known once reserved. */
  readonly url: string;
  readonly port: number;
  /** The Unix socket of the collector's own channel. */
  readonly channelPath: string;
  /**
   * Listens on the port, so that it is known and nobody else's; `start` does it otherwise. Rejects with CollectorError
   * `port_taken`. The engine of a killed collector may still have it: then it is waited for, and had later.
   */
  reserve(): Promise<void>;
  /** Undefined while no engine runs. */
  pid(): number | undefined;
  /** Resolves when the engine answers, now or after its restart; rejects with `stopping` once stopped. */
  ready(): Promise<void>;
  /**
   * Ends the engine at once, as `reason`, and resolves when the next one answers; rejects as `ready`. `holdsMerges`:
   * that one merges nothing until it is told to.
   */
  restart(reason: string, options?: { readonly holdsMerges: boolean }): Promise<void>;
  /** Of its tables and views, as they are on the disk. */
  readonly definitions: KeptDefinitions;
}

/** `start()` rejects with CollectorError `engine_start_failed`, `port_taken` or `sandbox_missing`. */
export function createEngineProcess(deps: EngineProcessDeps, options: EngineProcessOptions): EngineProcess {
  return new SupervisedEngine(deps, options);
}

class SupervisedEngine implements EngineProcess {
  readonly name = 'engine';
  readonly ifUnhealthy = 'degraded';
  readonly channelPath: string;
  readonly definitions: KeptDefinitions;
  readonly #deps: EngineProcessDeps;
  readonly #options: EngineOptions;
  readonly #startMsMax: number;
  readonly #watch: WatchOptions;
  readonly #sandboxMode: SandboxMode;
  #sandbox: EngineSandbox | null = null;
  readonly #port: EnginePort;
  /** Of the engine's directory, between a reservation and the start of a process. */
  #lock: HeldLock | null = null;
  #reserved: Promise<void> | null = null;
  readonly #pause: Pause;
  #child: EngineChild | null = null;
  #isReady = false;
  /** Of the next start that succeeds. */
  #holdsMerges = false;
  #restarts = 0;
  /** Restarts since the engine last ran for a while. */
  #streak = 0;
  #stopped: Promise<void> | null = null;
  #waiters: { resolve(): void; reject(error: Error): void }[] = [];

  constructor(deps: EngineProcessDeps, access: EngineProcessOptions) {
    const { startMsMax, watch, sandbox, writerPassword, readers = openReaders, ...options } = access;
    this.#deps = deps;
    this.#pause = new Pause(deps.clock);
    this.#startMsMax = startMsMax ?? 30_000;
    this.#watch = { ...defaultWatch, ...watch };
    this.#sandboxMode = sandbox ?? 'auto';
    this.#port = new EnginePort({ ...deps, onRegained: () => void this.#lend() }, options.port);
    this.#options = {
      ...fixedEngineLimits,
      ...defaults,
      ...options,
      writerPasswordHash: passwordHashOf(writerPassword),
      readers: readers.map(({ name, password, tenant }) => ({ name, tenant, passwordHash: passwordHashOf(password) })),
    };
    this.channelPath = channelPathOf(options.dataDir);
    this.definitions = new KeptDefinitions(deps, options.dataDir);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return this.#port.port;
  }

  reserve(): Promise<void> {
    this.#reserved ??= this.#reserve();
    return this.#reserved;
  }

  pid(): number | undefined {
    return this.#child?.pid;
  }

  ready(): Promise<void> {
    if (this.#stopped !== null) return Promise.reject(stoppedError());
    if (this.#isReady) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  async restart(reason: string, { holdsMerges } = { holdsMerges: false }): Promise<void> {
    const child = this.#child;
    if (child !== null && this.#isReady) {
      this.#holdsMerges = holdsMerges;
      child.kill(reason);
      await child.exited;
    }
    await this.ready();
  }

  async start(): Promise<void> {
    await this.reserve();
    const { clock, logger } = this.#deps;
    const endMs = clock.monotonicMs() + this.#startMsMax;
    while (this.#stopped === null) {
      const outcome = await this.#launch();
      if (outcome.status === 'ready') return;
      if (outcome.reason === 'unconfined') throw missing(outcome.message);
      if (outcome.reason !== 'data_dir_locked' || clock.monotonicMs() >= endMs) {
        throw new CollectorError('engine_start_failed', `cannot start the embedded engine: ${outcome.message}`);
      }
      logger.info({ reason: outcome.reason }, 'the embedded engine waits for a previous one to end');
      await this.#pause.wait(startPauseMs);
    }
  }

  stop(deadlineMs: number): Promise<void> {
    this.#stopped ??= this.#stop(deadlineMs);
    return this.#stopped;
  }

  async health(): Promise<DependencyHealth> {
    const child = this.#child;
    const load = this.#isReady && child !== null ? await child.probe(this.#deps.clock, healthProbe) : null;
    const details = {
      url: this.url,
      pid: child?.pid ?? null,
      restarts: this.#restarts,
      rss_bytes: load?.rssBytes ?? null,
      reads_running: load?.readsRunning ?? null,
      reads_waiting: load?.readsWaiting ?? null,
      streams_running: load?.streamsRunning ?? null,
      writes_waiting: load?.writesWaiting ?? null,
      guest_reads_running: load?.guestReadsRunning ?? null,
      guest_reads_waiting: load?.guestReadsWaiting ?? null,
      guest_streams_running: load?.guestStreamsRunning ?? null,
      guest_sessions: load?.guestSessions ?? null,
      guest_held_bytes: load?.heldBytes ?? null,
      sandbox: this.#sandbox?.kind ?? null,
      sandbox_detail: this.#sandbox?.detail ?? null,
    };
    const { problem } = this.#port;
    if (load !== null) {
      return { name: this.name, status: problem === null ? 'healthy' : 'degraded', reason: problem, details };
    }
    const state = this.#isReady ? 'does not answer' : 'is starting';
    return { name: this.name, status: 'degraded', reason: `the embedded engine ${state}`, details };
  }

  async #stop(deadlineMs: number): Promise<void> {
    this.#isReady = false;
    this.#pause.end();
    for (const waiter of this.#waiters.splice(0)) waiter.reject(stoppedError());
    this.#port.close();
    this.#lock?.release();
    this.#lock = null;
    await this.#child?.end(this.#deps.clock, deadlineMs);
    this.#child = null;
  }

  async #reserve(): Promise<void> {
    mkdirSync(this.#options.dataDir, { recursive: true, mode: 0o700 });
    await mustKeepSockets(this.channelPath);
    const { clock } = this.#deps;
    const endMs = clock.monotonicMs() + previousMsMax;
    while (this.#stopped === null) {
      // Only an engine of this directory can be a previous one of ours: once it is gone, the port is free, or taken.
      const isAlone = this.#tryLock() !== null;
      const code = await this.#port.tryOpen();
      if (code === null) return;
      if (isAlone) throw this.#port.refusal(code);
      if (clock.monotonicMs() >= endMs) return await this.#port.regain();
      await this.#pause.wait(previousPauseMs);
    }
  }

  #tryLock(): HeldLock | null {
    this.#lock ??= this.#deps.locker.tryLock(join(this.#options.dataDir, lockName));
    return this.#lock;
  }

  /** Gives the port to the engine that runs, if there is one and it is ours to give. */
  async #lend(): Promise<void> {
    const { server } = this.#port;
    const child = this.#child;
    if (server === null || child === null || !this.#isReady) return;
    await child.lend(server);
    if (child.pid !== undefined) this.#port.lent();
  }

  /** Once more for each definition at which the engine refuses to start, and that can be mended. */
  async #launch(): Promise<LaunchOutcome> {
    let refused: Extract<LaunchOutcome, { status: 'failed' }> | null = null;
    for (;;) {
      const lock = this.#tryLock();
      if (lock === null) return lockedOutcome;
      const hasMended = this.#tryMend(refused?.message ?? null);
      if (refused !== null && !hasMended) {
        lock.release();
        this.#lock = null;
        return refused;
      }
      const outcome = await this.#launchProcess(lock);
      if (outcome.status === 'ready' || outcome.reason !== 'engine_error' || this.#stopped !== null) return outcome;
      refused = outcome;
    }
  }

  /** Answers whether anything was changed. What cannot be mended, the engine says. */
  #tryMend(refusal: string | null): boolean {
    try {
      return this.definitions.mend(refusal);
    } catch (error) {
      this.#deps.logger.error({ cause: errorMessage(error) }, 'cannot mend the definitions of the embedded engine');
      return false;
    }
  }

  /** One process, until it is ready or gone. */
  async #launchProcess(lock: HeldLock): Promise<LaunchOutcome> {
    const { clock, logger } = this.#deps;
    const options = { ...this.#options, port: this.port, holdsMerges: this.#holdsMerges };
    const child = new EngineChild(options, { mode: this.#sandboxMode, logger, lockFd: lock.fd });
    // From here on it is the process's own.
    lock.release();
    this.#lock = null;
    this.#child = child;
    const outcome = await launchOutcome(child, clock, this.#watch.startPauseMs);
    if (outcome.status === 'ready' && this.#stopped === null) {
      this.#holdsMerges = false;
      this.#keepDefinitions();
      this.#noteSandbox(child.sandbox);
      this.#isReady = true;
      const readyMs = clock.monotonicMs();
      void child.exited.then((reason) => this.#died(reason, readyMs));
      void this.#endWhenUseless(child);
      await this.#lend();
      if (child.pid !== undefined) for (const waiter of this.#waiters.splice(0)) waiter.resolve();
    } else {
      await child.end(clock, this.#stopped === null ? 1_000 : 0);
    }
    return outcome;
  }

  /** The engine has just taken them all. */
  #keepDefinitions(): void {
    try {
      this.definitions.keep();
    } catch (error) {
      this.#deps.logger.warn({ cause: errorMessage(error) }, 'cannot keep a copy of the definitions of the engine');
    }
  }

  async #endWhenUseless(child: EngineChild): Promise<void> {
    const { clock, logger } = this.#deps;
    const isRunning = () => this.#child === child && this.#isReady && child.pid !== undefined;
    const prove = (msMax: number) => child.probe(clock, { proves: true, msMax });
    const uselessness = await watchEngine(this.#deps, { isRunning, prove }, this.#watch);
    if (uselessness === null) return;
    logger.error({ pid: child.pid ?? null }, `the embedded engine ${uselessnessWords[uselessness]} and is ended`);
    child.kill(uselessness);
  }

  /** Said once, and again when a restart changed it. */
  #noteSandbox(sandbox: EngineSandbox | null): void {
    const { logger } = this.#deps;
    if (sandbox === null || sandbox.detail === this.#sandbox?.detail) return;
    this.#sandbox = sandbox;
    const { kind, detail } = sandbox;
    const level = kind === 'none' && this.#sandboxMode !== 'off' ? 'warn' : 'info';
    const state = kind === 'none' ? 'runs without a sandbox' : 'is confined';
    logger[level]({ sandbox: kind, detail }, `the embedded engine ${state}`);
  }

  async #died(reason: string, readyMs: number): Promise<void> {
    this.#isReady = false;
    await this.#port.regain();
    const { clock, logger, instruments } = this.#deps;
    const random = this.#deps.random ?? systemRandom;
    // An engine that ran for a while starts again at once; one that dies young waits longer each time.
    if (clock.monotonicMs() - readyMs > steadyMs) this.#streak = 0;
    while (this.#stopped === null) {
      this.#restarts++;
      this.#streak++;
      instruments.restarts.inc({ reason });
      logger.warn({ reason, restarts: this.#restarts }, 'the embedded engine ended and is started again');
      await this.#pause.wait(backoffMs(restartBackoff, this.#streak, random));
      if (this.#stopped !== null) return;
      const outcome = await this.#launch();
      if (outcome.status === 'ready') return;
      logger.error({ reason: outcome.reason }, `cannot restart the embedded engine: ${outcome.message}`);
      reason = outcome.reason;
    }
  }
}

const uselessnessWords: Readonly<Record<UselessEngine, string>> = {
  silent: 'does not answer',
  starved: 'has no memory left for anybody while nothing runs',
};

const healthProbe = { proves: false, msMax: 1_000 } as const;

const openReaders: readonly ReaderAccess[] = [{ name: 'default', password: '', tenant: null }];

const defaults = {
  database: 'tidemark',
  keepsExpired: false,
  holdsMerges: false,
  hosts: [],
  corsOrigins: [],
  readerTables: contractViews,
  writerUser: 'tidemark',
} as const;

const lockedOutcome: LaunchOutcome = {
  status: 'failed',
  reason: 'data_dir_locked',
  message: 'another engine has its directory',
};
/** Locked for as long as an engine of the directory lives, whoever started it. */
const lockName = 'engine.lock';
/** How long the engine of a killed collector may take until it lets go of the port. */
const previousMsMax = 5_000;
const previousPauseMs = 20;
const startPauseMs = 200;
const steadyMs = 60_000;
const restartBackoff: Backoff = { delayMsMin: 50, delayMsMax: 10_000 };

function stoppedError(): CollectorError {
  return new CollectorError('stopping', 'cannot wait for the embedded engine: it was stopped');
}
