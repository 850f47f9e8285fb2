import { errorMessage } from '../../core/errors.js';
import type { AuditInstruments } from '../../core/instruments.js';
import type { Logger } from '../../core/logger.js';
import type { AuditEntry, AuditLog, AuditQuery, RecordedEntry } from '../../core/ports/audit-log.js';
import type { DependencyHealth, HealthProbe } from '../../core/ports/health-probe.js';
import type { Stage } from '../../core/stage.js';
import { optionalInstant } from '../../core/time-text.js';
import { within } from '../../core/within.js';
import { type AuditFileDeps, type AuditFileOptions, appendAuditEntry, readAudit } from './audit-file.js';

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
 * with a full disk it is done all the same, since taking back a key is what one wants then. What could not be written
 * is counted, told to the log as a whole, and seen in health until an entry is written again.
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

  read(query: AuditQuery): Promise<readonly RecordedEntry[]> {
    return this.#tail.then(() => readAudit(this.#options, query));
  }

  health(): DependencyHealth {
    const isFailing = this.#failingSinceMs !== null;
    return {
      name: this.name,
      status: isFailing ? 'degraded' : 'healthy',
      reason: isFailing ? `the audit log cannot be written: ${this.#cause}` : null,
      details: { unwritten: this.#unwritten, failing_since: optionalInstant(this.#failingSinceMs) },
    };
  }

  async stop(deadlineMs: number): Promise<void> {
    await within(this.#deps.clock, this.#tail, deadlineMs);
  }

  async #write(entry: AuditEntry): Promise<void> {
    try {
      await appendAuditEntry(this.#deps, this.#options, entry);
      this.#deps.instruments.entries.inc();
      this.#failingSinceMs = null;
    } catch (error) {
      this.#failingSinceMs ??= this.#deps.clock.nowMs();
      this.#cause = errorMessage(error);
      this.#lose(entry, 'disk', this.#cause);
    } finally {
      this.#waiting -= 1;
    }
  }

  #lose(entry: AuditEntry, reason: 'disk' | 'queue', cause: string): void {
    this.#unwritten += 1;
    this.#deps.instruments.unwritten.inc({ reason });
    this.#deps.logger.error({ ...entry, cause }, 'an entry of the audit log could not be written');
  }
}
