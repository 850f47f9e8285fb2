/**
 * `fault`: events are lost, refused or not delivered, or a start would end. `warn`: somebody should look. `unknown`:
 * it could not be asked, which is no fault.
 */
export type Severity = 'ok' | 'warn' | 'fault' | 'unknown';

export const subjects = [
  'config',
  'node',
  'sockets',
  'data directory',
  'keys',
  'ports',
  'disk',
  'clock',
  'collector',
  'engine',
  'schema',
  'tables',
  'spool',
  'ledger',
] as const;

export type Subject = (typeof subjects)[number];

export interface Finding {
  readonly subject: Subject;
  readonly severity: Severity;
  /** One sentence. */
  readonly found: string;
  /** What to do; null when there is nothing to be done. */
  readonly advice: string | null;
}

export function ok(subject: Subject, found: string): Finding {
  return { subject, severity: 'ok', found, advice: null };
}

export function warn(subject: Subject, found: string, advice: string): Finding {
  return { subject, severity: 'warn', found, advice };
}

export function fault(subject: Subject, found: string, advice: string): Finding {
  return { subject, severity: 'fault', found, advice };
}

export function unknown(subject: Subject, found: string, advice: string | null = null): Finding {
  return { subject, severity: 'unknown', found, advice };
}
