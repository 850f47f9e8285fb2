import type { StartOutcome } from './damaged-start.js';
import type { DamageCase } from './damages.js';
import type { Group } from './prepared-directory.js';

/** What is wrong with an outcome; empty when it is as promised. */
export function faultsOf({ kind }: DamageCase, outcome: StartOutcome): string[] {
  const { exitCode, lastLine, words, unhealthy, missing, twice } = outcome;
  if (exitCode === 0) return ['it ended with code 0'];
  if (exitCode !== null)
    return /^tidemark: cannot .+$/.test(lastLine) ? [] : [`it ended without a word: "${lastLine}"`];
  const faults: string[] = [];
  const isSilent = words.length === 0 && unhealthy.every((reason) => usual.test(reason));
  if (missing === null) return isSilent ? ['the store does not answer, and nothing is said'] : [];
  for (const [group, count] of missing) {
    if (!kind.holds.includes(group)) faults.push(`${count} events of "${group}" are lost, which are not in the file`);
    else if (isSilent) faults.push(`${count} events of "${group}" are lost, and nothing is said`);
  }
  for (const [group, count] of twice ?? []) faults.push(`${count} events of "${group}" are counted twice`);
  const resent = [...(outcome.twiceAfterResend ?? [])];
  for (const [group, count] of resent) {
    if (!kind.remembers) faults.push(`${count} events of "${group}" are counted twice after a resend`);
    else if (isSilent) faults.push(`${count} events of "${group}" are counted twice after a resend; nothing is said`);
  }
  if (outcome.dayDifference !== 0 && isSilent)
    faults.push(`the days differ from the rows by ${outcome.dayDifference}, and nothing is said`);
  return faults;
}

/** Told in every run: the segment that was set aside before, and how long events have waited since they were sent. */
const usual = /^(spool degraded: 1 segments? |delivery degraded: the oldest undelivered event is )/;

export function tableRow({ kind, damage }: DamageCase, outcome: StartOutcome, faults: readonly string[]): string {
  const { exitCode, lastLine, words, unhealthy, missing, twice, dayDifference, twiceAfterResend } = outcome;
  const counted = (counts: ReadonlyMap<Group, number> | null) =>
    counts === null ? '?' : [...counts].map(([group, count]) => `${count} ${group}`).join(', ') || '0';
  const end = exitCode === null ? 'runs' : `exit ${exitCode}: ${lastLine}`;
  const said = [...words, ...unhealthy.filter((reason) => !usual.test(reason))].join('; ');
  const cells = [kind.name, damage, end, said, counted(missing), counted(twice), String(dayDifference ?? '?')];
  cells.push(counted(twiceAfterResend), faults.join('; '));
  return `| ${cells.map((cell) => cell.replaceAll('|', '/').replaceAll('\n', ' ').slice(0, 400)).join(' | ')} |`;
}
