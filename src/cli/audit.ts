import { userInfo } from 'node:os';
import { tryLoadFileLock } from '../clickhouse/embedded/sandbox/native-calls.js';
import { holdingClock } from '../core/clock.js';
import { errorMessage } from '../core/errors.js';
import type { AuditEntry, AuditValue, RecordedEntry } from '../core/ports/audit-log.js';
import { createFileLocker } from '../spool/file-locker.js';
import { appendAuditEntry, readAudit } from '../telemetry/audit/audit-file.js';
import type { CommandContext } from './frame/command.js';
import { printable } from './frame/printable-text.js';
import { count } from './frame/told-values.js';
import { localCollector } from './local-collector.js';

interface AuditOptions {
  readonly json: boolean;
  readonly config: string | undefined;
  readonly dataDir: string | undefined;
  readonly limit: number;
}

/** The newest last, as a terminal shows them. */
export async function printAudit({ env, out, err }: CommandContext, options: AuditOptions): Promise<void> {
  const { dataDir, config } = localCollector(env, options);
  const { entries, damagedLines } = await readAudit(
    { dataDir, ...config.auditLog },
    { tenant: null, untilMs: null, limit: options.limit },
  );
  entries.reverse();
  if (options.json) out.json(entries);
  for (const entry of options.json ? [] : entries) out.line(lineOf(entry));
  if (damagedLines > 0)
    err.line(`passed over, as they are no entries: ${count(damagedLines)} lines of ${dataDir}/audit*.log`);
}

function lineOf({ at, action, outcome, tenant, actor, address, what }: RecordedEntry): string {
  const told = Object.entries(what).map(([name, value]) => `${name}=${value}`);
  const who = [tenant ?? '-', actor ?? '-', address ?? '-'];
  return printable([at, action, outcome, ...who, ...told].join('  '));
}

/** What the command line did to a data directory. One that cannot be written is said, and undoes nothing. */
export async function recordLocally(
  { env, err }: CommandContext,
  options: Omit<AuditOptions, 'json' | 'limit'>,
  done: Pick<AuditEntry, 'action' | 'tenant'> & { readonly what: Readonly<Record<string, AuditValue>> },
): Promise<void> {
  const { dataDir, config } = localCollector(env, options);
  const deps = { clock: holdingClock, locker: createFileLocker({ lock: tryLoadFileLock() }) };
  const entry = { ...done, outcome: 'done', actor: `local:${systemUser()}`, address: null };
  try {
    const turnOverFailure = await appendAuditEntry(deps, { dataDir, ...config.auditLog }, entry);
    if (turnOverFailure !== null) err.line(`it is done and in the audit log, which grows: ${turnOverFailure}`);
  } catch (error) {
    err.line(`it is done, but not in the audit log: ${errorMessage(error)}`);
  }
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that no name belongs to.
    return String(process.getuid?.() ?? 'unknown');
  }
}
