import type { TextFile } from '../support/source-file.js';
import { type Mutant, mutated } from './mutant.js';
import type { RelatedTests } from './related-tests.js';
import type { ScratchCheckout, TestVerdict } from './scratch-checkout.js';

export interface JuryOptions {
  readonly project: readonly TextFile[];
  readonly related: RelatedTests;
  /** How many groups of tests are asked, from the nearest. */
  readonly groupsMax: number;
  readonly print: (text: string) => void;
}

/** For a few test files together: one that never ends is noticed. */
const secondsMax = 300;

/** Says of a mutant whether the tests notice; a test file that fails without it says nothing, and is asked no more. */
export class Jury {
  readonly #scratch: ScratchCheckout;
  readonly #options: JuryOptions;
  /** Test files that pass without a change. */
  readonly #sound = new Set<string>();
  readonly #unsound = new Set<string>();

  constructor(scratch: ScratchCheckout, options: JuryOptions) {
    this.#scratch = scratch;
    this.#options = options;
  }

  async judge(mutant: Mutant): Promise<TestVerdict> {
    const { related, groupsMax } = this.#options;
    let seconds = 0;
    for (const group of related.groupsOf(mutant.path).slice(0, groupsMax)) {
      for (;;) {
        const tests = group.filter((test) => !this.#unsound.has(test));
        if (tests.length === 0) break;
        const verdict = await this.#testWith(mutant, tests);
        seconds += verdict.seconds;
        if (verdict.passed) break;
        if (await this.#isSound([...verdict.failures.keys()], tests)) return { ...verdict, seconds };
      }
    }
    return { passed: true, late: false, failure: '', seconds, failures: new Map() };
  }

  async #testWith(mutant: Mutant, tests: readonly string[]): Promise<TestVerdict> {
    const file = this.#options.project.find(({ path }) => path === mutant.path)!;
    this.#scratch.write(mutant.path, mutated(file, mutant));
    try {
      return await this.#scratch.test(tests, { secondsMax });
    } finally {
      this.#scratch.write(mutant.path, file.text);
    }
  }

  /** Whether what failed passes without a change; by all that ran when none is known to have failed. */
  async #isSound(failed: readonly string[], ran: readonly string[]): Promise<boolean> {
    const asked = (failed.length > 0 ? failed : ran).filter((test) => !this.#sound.has(test));
    if (asked.length === 0) return true;
    const verdict = await this.#scratch.test(asked, { secondsMax: 2 * secondsMax });
    if (verdict.passed) {
      for (const test of asked) this.#sound.add(test);
      return true;
    }
    const bad = verdict.failures.size > 0 ? [...verdict.failures.keys()] : asked;
    for (const test of bad) {
      this.#options.print(
        `left out ${test}: it fails without a change (${verdict.failures.get(test) ?? verdict.failure})`,
      );
      this.#unsound.add(test);
    }
    return false;
  }
}
