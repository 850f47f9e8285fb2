import type { TextFile } from '../support/source-file.js';
import { type Mutant, mutated } from './mutant.js';
import type { RelatedTests } from './related-tests.js';
import type { ScratchCheckout, TestVerdict } from './scratch-checkout.js';

export interface JuryOptions {
  readonly project: readonly TextFile[];
  readonly related: RelatedTests;
  /** Only the nearest tests are asked. */
  readonly isNear: boolean;
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
    const { related, isNear } = this.#options;
    let seconds = 0;
    for (const [distance, group] of related.groupsOf(mutant.path, isNear).entries()) {
      for (;;) {
        const tests = group.filter((test) => !this.#unsound.has(test));
        if (tests.length === 0) break;
        const verdict = await this.#testWith(mutant, tests);
        seconds += verdict.seconds;
        if (verdict.passed) break;
        const failed = verdict.failures.size > 0 ? [...verdict.failures.keys()] : tests;
        if (!(await this.#isSound(failed))) continue;
        // A test that is far and fails once may have failed by itself.
        if (distance === 0 || !(await this.#testWith(mutant, failed)).passed) return { ...verdict, seconds };
        this.#leaveOut(failed, 'it fails and passes with the same change');
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

  /** Whether test files that failed pass without a change. */
  async #isSound(failed: readonly string[]): Promise<boolean> {
    const asked = failed.filter((test) => !this.#sound.has(test));
    if (asked.length === 0) return true;
    const { passed, failures } = await this.#scratch.test(asked, { secondsMax: 2 * secondsMax });
    if (passed) {
      for (const test of asked) this.#sound.add(test);
      return true;
    }
    this.#leaveOut(failures.size > 0 ? [...failures.keys()] : asked, 'it fails without a change');
    return false;
  }

  #leaveOut(tests: readonly string[], cause: string): void {
    for (const test of tests) {
      this.#options.print(`left out ${test}: ${cause}`);
      this.#unsound.add(test);
    }
  }
}
