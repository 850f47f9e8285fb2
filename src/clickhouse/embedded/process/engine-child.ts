import type { ChildProcess } from 'node:child_process';
import type { Server } from 'node:net';
import type { Clock } from '../../../core/clock.js';
import type { Logger } from '../../../core/logger.js';
import { loadProblem } from '../engine-load.js';
import { forkEngine } from '../sandbox/engine-fork.js';
import type { EngineSandbox, LaunchReport, SandboxMode } from '../sandbox/launch-report.js';
import { limitInTheWay } from '../start-limits.js';
import { crashedThread } from './crashed-thread.js';
import type { EngineCommand, EngineLoad, EngineOptions, EngineReport, EngineStartFailure } from './engine-protocol.js';

export type LaunchOutcome =
  | { readonly status: 'ready' }
  | { readonly status: 'failed'; readonly reason: StartFailure; readonly message: string };

/**
 * `data_dir_locked` passes when the engine of a killed collector has drained. `unconfined` does not pass: a sandbox was
 * asked for and cannot be had. `fatal`: a thread of it crashed, and it neither ends nor becomes ready.
 */
type StartFailure = EngineStartFailure | 'data_dir_locked' | 'unconfined' | 'exited' | 'silent' | 'fatal';

/** One forked process. `launched` settles once, `exited` when the process is gone. */
export class EngineChild {
  readonly launched: Promise<LaunchOutcome>;
  /** `signal_<name>`, `exit_<code>`, or what it was killed for. */
  readonly exited: Promise<string>;
  settle: (outcome: LaunchOutcome) => void = () => undefined;
  /** Null until the process is about to become the engine, and can be told to start. */
  sandbox: EngineSandbox | null;
  readonly #options: EngineOptions;
  readonly #process: ChildProcess;
  readonly #logger: Logger;
  readonly #probes = new Map<number, (load: EngineLoad | null) => void>();
  #probeId = 0;
  #killedFor: string | null = null;
  #stderrLines = 0;
  /** What the engine last said of its own: its exceptions name the file that is in the way. */
  #lastException: string | null = null;
  #failure: Extract<EngineReport, { type: 'failed' }> | null = null;
  #listening: () => void = () => undefined;

  /** `lockFd`: the process has it for as long as it lives. */
  constructor(
    options: EngineOptions,
    { mode, logger, lockFd }: { readonly mode: SandboxMode; readonly logger: Logger; readonly lockFd: number },
  ) {
    this.#options = options;
    this.#logger = logger;
    this.launched = new Promise((resolve) => {
      this.settle = resolve;
    });
    const forked = forkEngine(options, mode, lockFd);
    this.#process = forked.process;
    this.sandbox = forked.sandbox;
    this.exited = new Promise((resolve) => {
      const gone = (reason: string) => {
        for (const answer of this.#probes.values()) answer(null);
        if (this.#failure === null) this.settle({ status: 'failed', reason: 'exited', message: endText(reason) });
        resolve(reason);
      };
      // Everything it said has been heard then.
      this.#process.once('close', () => this.#settleFailure());
      this.#process.once('exit', (code, signal) =>
        gone(this.#killedFor ?? (signal === null ? `exit_${code}` : `signal_${signal}`)),
      );
      this.#process.once('error', () => gone('spawn'));
    });
    this.#process.on('message', (report: EngineReport | LaunchReport) => this.#hear(report));
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => this.#hearText(text));
    if (this.sandbox !== null) this.#say({ type: 'start', options });
  }

  get pid(): number | undefined {
    return this.#process.exitCode === null && this.#process.signalCode === null ? this.#process.pid : undefined;
  }

  /** The thread of it that handles a crash, if there is one. */
  crashedThread(): number | null {
    return this.pid === undefined ? null : crashedThread(this.pid);
  }

  /** Lets the engine listen on a socket of ours; resolves when it does, or has ended. */
  async lend(socket: Server): Promise<void> {
    const listening = new Promise<void>((resolve) => {
      this.#listening = resolve;
    });
    if (this.#process.connected) this.#process.send(listenCommand, socket, undefined, () => undefined);
    await Promise.race([listening, this.exited]);
  }

  /** Null when there is no answer within `msMax`. */
  probe(
    clock: Clock,
    { proves, msMax }: { readonly proves: boolean; readonly msMax: number },
  ): Promise<EngineLoad | null> {
    const id = ++this.#probeId;
    return new Promise((resolve) => {
      const timer = clock.setTimer(msMax, () => this.#probes.get(id)?.(null));
      this.#probes.set(id, (load) => {
        timer.cancel();
        this.#probes.delete(id);
        resolve(load);
      });
      this.#say({ type: 'probe', id, proves });
    });
  }

  /** Ends it at once, as `reason`. */
  kill(reason: string): void {
    this.#killedFor ??= reason;
    this.#process.kill('SIGKILL');
  }

  /** Asks it to drain, and kills it when the time is over. */
  async end(clock: Clock, deadlineMs: number): Promise<void> {
    if (this.pid === undefined) return;
    // A launcher hears no commands, and has nothing to drain.
    if (this.sandbox === null) this.#process.kill('SIGKILL');
    this.#say({ type: 'stop', deadlineMs: Math.max(0, deadlineMs - killMarginMs) });
    const timer = clock.setTimer(deadlineMs, () => {
      this.#logger.warn({ pid: this.pid ?? null }, 'the embedded engine did not drain in time and is killed');
      this.#process.kill('SIGKILL');
    });
    await this.exited;
    timer.cancel();
  }

  #say(command: EngineCommand): void {
    if (this.#process.connected) this.#process.send(command, () => undefined);
  }

  #hear(report: EngineReport | LaunchReport): void {
    if (report.type === 'launching') {
      this.sandbox = report.sandbox;
      this.#say({ type: 'start', options: this.#options });
    } else if (report.type === 'unconfined') {
      this.settle({ status: 'failed', reason: 'unconfined', message: report.message });
    } else if (report.type === 'ready') {
      this.#logger.info({ version: report.version }, 'the embedded engine is ready');
      this.settle({ status: 'ready' });
    } else if (report.type === 'listening') {
      this.#listening();
    } else if (report.type === 'failed') {
      this.#failure = report;
    } else if (report.type === 'probed') {
      this.#probes.get(report.id)?.(report.load);
    } else if (report.type === 'fatal') {
      const context = { pid: this.#process.pid ?? null, cause: report.message };
      this.#logger.error(context, 'the embedded engine runs no statement any more and is ended');
      this.kill('fatal');
    } else {
      this.#logger[report.level](report.context, report.message);
    }
  }

  #settleFailure(): void {
    if (this.#failure === null) return;
    const { reason, message } = this.#failure;
    const said = this.#lastException === null ? '' : `: ${this.#lastException}`;
    this.settle({ status: 'failed', reason, message: reason === 'library' ? message : withLimit(`${message}${said}`) });
  }

  /** What the native library prints before it dies is worth keeping; more than that is not. */
  #hearText(text: string): void {
    for (const line of text.split('\n')) {
      if (exceptionPattern.test(line)) this.#lastException = line.trim().slice(0, 500);
      if (line.trim() === '' || ++this.#stderrLines > stderrLinesMax) continue;
      this.#logger.warn({ pid: this.#process.pid ?? null }, `engine: ${line.slice(0, 500)}`);
    }
  }
}

/** Of a process that ended before it was ready. */
function endText(reason: string): string {
  if (reason !== 'signal_SIGILL') return withLimit(`the process ended (${reason})`);
  const { what, advice } = loadProblem({ said: '', signal: 'SIGILL' });
  return `${what}; ${advice}`;
}

function withLimit(message: string): string {
  const limit = limitInTheWay();
  return limit === null ? message : `${message}; ${limit}`;
}

/** `Code: 62. DB::Exception: …`, of which the last is the one that ended it. */
const exceptionPattern = /^Code: \d+\. DB::/;

const listenCommand: EngineCommand = { type: 'listen' };
const killMarginMs = 300;
const stderrLinesMax = 50;
