import type { Verdict } from './proving-rig.js';
import type { RoundKind } from './round-kinds.js';

export interface RoundOutcome {
  readonly kind: RoundKind;
  readonly number: number;
  readonly disturbance: string;
  /** Null when the round came to no end; `trouble` says where. */
  readonly verdict: Verdict | null;
  readonly trouble: string | null;
  /** Events of earlier rounds on the same store. */
  readonly before: number;
  readonly tookMs: number;
}

export interface ReportOptions {
  readonly seed: number;
  readonly kinds: readonly RoundKind[];
  readonly whyNot: (kind: RoundKind) => string | null;
}

/** What a person sees: a line a round, more where something did not hold, and the sum of it at the end. */
export class ProofReport {
  readonly #print: (text: string) => void;
  readonly #options: ReportOptions;
  readonly #outcomes: RoundOutcome[] = [];

  constructor(print: (text: string) => void, options: ReportOptions) {
    this.#print = print;
    this.#options = options;
  }

  begin(minutes: number): void {
    this.#print(`Faults for ${minutes} minutes, seed ${this.#options.seed}. After each, every table of the store is`);
    this.#print('compared with what the clients know to be acknowledged.\n');
  }

  add(outcome: RoundOutcome): void {
    this.#outcomes.push(outcome);
    const { kind, number, disturbance, verdict, trouble, before, tookMs } = outcome;
    const during = kind.isFirstStart === true || disturbance === 'nothing else' ? '' : `, ${disturbance} under way`;
    const events = verdict === null ? '' : `${count(verdict.acknowledged - before)} events`;
    const result = isHeld(outcome) ? 'held' : 'NOT HELD';
    const head = `${String(number).padStart(4)} ${`${(tookMs / 1000).toFixed(0)} s`.padStart(5)}`;
    this.#print(`${head}  ${`${kind.words}${during}`.padEnd(84)} ${events.padStart(14)}  ${result}`);
    if (trouble !== null) this.#detail(trouble);
    const back = verdict?.broughtBack ?? 0;
    if (back > 0) this.#detail(`${count(back)} events lay aside and were put back`);
    for (const line of verdict === null ? [] : complaintsOf(verdict)) this.#detail(line);
  }

  /** Whether everything held. */
  end(): boolean {
    const failed = this.#outcomes.filter((outcome) => !isHeld(outcome));
    this.#print(`\n${'what happened'.padEnd(58)} rounds  held  acknowledged      lost     twice  no answer`);
    for (const kind of this.#options.kinds) {
      const outcomes = this.#outcomes.filter((outcome) => outcome.kind === kind);
      if (outcomes.length > 0) this.#print(`${kind.words.padEnd(58)} ${sumsOf(outcomes)}`);
    }
    this.#print(`${'all'.padEnd(58)} ${sumsOf(this.#outcomes)}`);
    this.#printSkipped();
    if (this.#outcomes.length === 0) {
      this.#print('\nNothing was proved.');
      return false;
    }
    if (failed.length === 0) {
      this.#print('\nEverything held: each acknowledged event is in the store once, in rows, rollups and states.');
      return true;
    }
    this.#print(`\n${failed.length} of ${this.#outcomes.length} rounds did not hold. To try one kind again:`);
    for (const name of new Set(failed.map(({ kind }) => kind.name))) {
      this.#print(`  npm run prove -- --only ${name} --seed ${this.#options.seed} --minutes 3`);
    }
    return false;
  }

  #printSkipped(): void {
    const reasons = new Map<string, string[]>();
    for (const kind of this.#options.kinds) {
      const reason = this.#options.whyNot(kind);
      if (reason !== null) reasons.set(reason, [...(reasons.get(reason) ?? []), kind.words]);
    }
    for (const [reason, words] of reasons) {
      this.#print(`\nSkipped, because ${reason}:`);
      for (const each of words) this.#print(`  ${each}`);
    }
  }

  #detail(text: string): void {
    for (const line of text.split('\n').filter((each) => each.trim() !== '')) this.#print(`            ${line}`);
  }
}

/** What did not hold, a line each; none when everything did. */
export function complaintsOf(verdict: Verdict): string[] {
  const lines = verdict.findings.flatMap(({ table, lost, twice, words, example }) => {
    const numbers = lost + twice > 0 ? `${count(lost)} lost, ${count(twice)} twice` : '';
    // Where rows are lost or twice, what is made of them differs anyway.
    const isTelling = verdict.lost === 0 && verdict.twice === 0 && example !== '';
    return [[table, numbers, words].filter(Boolean).join(': '), ...(isTelling ? [`  ${example}`] : [])];
  });
  return [...lines, ...verdict.complaints];
}

function isHeld({ verdict }: RoundOutcome): boolean {
  return verdict !== null && verdict.findings.length === 0 && verdict.complaints.length === 0;
}

function sumsOf(outcomes: readonly RoundOutcome[]): string {
  const sum = (of: (outcome: RoundOutcome) => number) => count(outcomes.reduce((total, each) => total + of(each), 0));
  return [
    String(outcomes.length).padStart(6),
    String(outcomes.filter(isHeld).length).padStart(5),
    sum(({ verdict, before }) => (verdict === null ? 0 : verdict.acknowledged - before)).padStart(13),
    sum(({ verdict }) => verdict?.lost ?? 0).padStart(9),
    sum(({ verdict }) => verdict?.twice ?? 0).padStart(9),
    String(outcomes.filter(({ verdict }) => verdict === null).length).padStart(10),
  ].join(' ');
}

function count(number: number): string {
  return number.toLocaleString('en-US');
}
