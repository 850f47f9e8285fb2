import { errorMessage } from '../../core/errors.js';
import type { AuditInstruments } from '../../core/instruments.js';
import type { Logger } from '../../core/logger.js';
import type { AuditEntry, AuditLog, AuditQuery, RecordedEntry } from '../../core/ports/audit-log.js';
import type { DependencyHealth, HealthProbe } from '../../core/ports/health-probe.js';
import type { Stage } from '../../core/stage.js';
import { optionalInstant } from '../../core/time-text.js';
import { within } from '../../core/within.js';
import { type AuditFileDeps, type AuditFileOptions, appendAuditEntry, auditObstacle, readAudit } from './audit-file.js';

export interface FileAuditLogDeps extends AuditFileDeps {
  readonly logger: Logger;
  readonly instruments: AuditInstruments;
}

/** Entries that wait for the disk; more are counted and not kept. */
const waitingMax = 1_000;
/** Refusals that are kept in a minute: whoever tries keys must not fill the disk, nor keep it busy. */
const refusalsPerMinuteMax = 60;

/**
 * What administrators did, in the files of audit-file.ts, one entry after the other. An action does not wait for room:
 * with a full disk it is done all the same, if it needs none itself. What could not be written
 * is counted, told to the log as a whole, and seen in health until an entry is written again. An entry that is written
 * while its file cannot be put aside is no lost one: that failure is counted, told and seen in health by itself.
 */
export class FileAuditLog implements AuditLog, HealthProbe, Stage {
  readonly name = 'audit';
  readonly ifUnhealthy = 'degraded';
  readonly #deps: FileAuditLogDeps;
  readonly #options: AuditFileOptions;
  #tail: Promise<void> = Promise.resolve();
  #waiting = 0;
  #unwritten = 0;
  #failingSinceMs: number | null = null;
  #cause = '';
  /** Why the files could not be turned over when the last entry was written. */
  #turnOverFailure: string | null = null;
  #minuteMs = Number.NEGATIVE_INFINITY;
  #refusals = 0;
  /** Refusals that were not kept since the last that was. */
  #suppressed = 0;

  constructor(deps: FileAuditLogDeps, options: AuditFileOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  record(entry: AuditEntry): Promise<void> {
    if (this.#waiting >= waitingMax) {
      this.#lose(entry, 'queue', `${waitingMax} entries wait for the disk`);
      return Promise.resolve();
    }
    this.#waiting += 1;
    const written = this.#tail.then(() => this.#write(entry));
    this.#tail = written;
    return written;
  }

  recordRefusal(entry: AuditEntry): void {
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - this.#minuteMs >= 60_000) {
      this.#minuteMs = nowMs;
      this.#refusals = 0;
    }
    this.#refusals += 1;
    if (this.#refusals > refusalsPerMinuteMax) {
      this.#suppressed += 1;
      this.#deps.instruments.unwritten.inc({ reason: 'refusals' });
      return;
    }
    const what = this.#suppressed === 0 ? entry.what : { ...entry.what, not_kept_before: this.#suppressed };
    this.#suppressed = 0;
    void this.record({ ...entry, what });
  }

  async read(query: AuditQuery): Promise<readonly RecordedEntry[]> {
    await this.#tail;
    return (await readAudit(this.#options, query)).entries;
  }

  health(): DependencyHealth {
    const unwritten = this.#failingSinceMs === null ? null : `the audit log cannot be written: ${this.#cause}`;
    const reason = unwritten ?? this.#turnOverFailure;
    return {
      name: this.name,
      status: reason === null ? 'healthy' : 'degraded',
      reason,
      details: { unwritten: this.#unwritten, failing_since: optionalInstant(this.#failingSinceMs) },
    };
  }

  /** What is in the way of the next entry is told now, not when somebody has something to record. */
  async start(): Promise<void> {
    const obstacle = await auditObstacle(this.#options);
    if (obstacle === null) return;
    this.#failingSinceMs = this.#deps.clock.nowMs();
    this.#cause = obstacle;
    this.#deps.logger.error(
      { cause: obstacle },
      'the audit log cannot be written: what administrators do is only logged',
    );
  }

  async stop(deadlineMs: number): Promise<void> {
    await within(this.#deps.clock, this.#tail, deadlineMs);
  }

  async #write(entry: AuditEntry): Promise<void> {
    try {
      const turnOverFailure = await appendAuditEntry(this.#deps, this.#options, entry);
      this.#deps.instruments.entries.inc();
      this.#failingSinceMs = null;
      this.#tellTurnOver(turnOverFailure);
    } catch (error) {
      this.#failingSinceMs ??= this.#deps.clock.nowMs();
      this.#cause = errorMessage(error);
      this.#lose(entry, 'disk', this.#cause);
    } finally {
      this.#waiting -= 1;
    }
  }

  #tellTurnOver(failure: string | null): void {
    if (failure !== null) this.#deps.instruments.turnOverFailures.inc();
    if (failure !== null && this.#turnOverFailure === null) {
      this.#deps.logger.error({ cause: failure }, 'the audit log is written, but its file grows beyond its bound');
    }
    this.#turnOverFailure = failure;
  }

  #lose(entry: AuditEntry, reason: 'disk' | 'queue', cause: string): void {
    this.#unwritten += 1;
    this.#deps.instruments.unwritten.inc({ reason });
    this.#deps.logger.error({ ...entry, cause }, 'an entry of the audit log could not be written');
  }
}
