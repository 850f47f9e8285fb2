import type { PrintedStatement } from './printed-statement.js';
import { assignmentsOf } from './settings-clause.js';

/** A statement that changes the session and nothing else, which is the front's to do. */
export type SessionStatement =
  | { readonly kind: 'set'; readonly settings: ReadonlyMap<string, string | null> }
  | { readonly kind: 'use'; readonly database: string };

/** Null for another statement, and for one whose values cannot be read: it is refused then as what it is. */
export function sessionStatementOf(printed: PrintedStatement): SessionStatement | null {
  const [first] = printed.firstWords;
  if (first === 'SET') {
    const settings = assignmentsOf(printed, 1);
    return settings === null ? null : { kind: 'set', settings };
  }
  if (first !== 'USE' || printed.tokens.length !== 2) return null;
  return { kind: 'use', database: printed.textAt(1).replaceAll('`', '') };
}
