import { costSources, isTerminalType } from '../core/event-types.js';
import type { FrameLimits } from '../core/limits.js';
import { fieldIndex, fieldMax, requiredMasks } from './field-table.js';
import type { StagedEvent } from './staged-event.js';

const typeField = fieldIndex('type');
const agentField = fieldIndex('agent_id');
const tsField = fieldIndex('ts');
const startedField = fieldIndex('started_at');
const endedField = fieldIndex('ended_at');
const durationField = fieldIndex('duration_ms');
const costField = fieldIndex('cost_micros');
const costSourceField = fieldIndex('cost_source');

/** The rules over several fields of an event, applied once all of them are read. */
export class EventRules {
  readonly #skewPastMs: number;
  readonly #skewFutureMs: number;
  #earliestMs = 0;
  #latestMs = 0;
  #clockMs = 0;

  constructor(limits: FrameLimits) {
    this.#skewPastMs = limits.skewPastMs;
    this.#skewFutureMs = limits.skewFutureMs;
  }

  /** `clockMs`: the wall clock when the events were received. */
  begin(clockMs: number): void {
    this.#clockMs = clockMs;
    this.#earliestMs = Math.max(0, clockMs - this.#skewPastMs);
    this.#latestMs = clockMs + this.#skewFutureMs;
  }

  /** Sets the event's error, or derives its duration. Hot path: once an event. */
  check(event: StagedEvent): void {
    if (!event.has(typeField)) {
      event.fail('field_required', typeField);
      return;
    }
    const { numbers } = event;
    const type = numbers[typeField]!;
    const missingLow = requiredMasks[2 * type]! & ~event.presentLow;
    const missingHigh = requiredMasks[2 * type + 1]! & ~event.presentHigh;
    if ((missingLow | missingHigh) !== 0) {
      this.#refuseMissing(event, missingLow, missingHigh);
      return;
    }
    if (!event.has(startedField) || !event.has(endedField)) return;
    const elapsedMs = numbers[endedField]! - numbers[startedField]!;
    if (elapsedMs < 0) {
      event.fail('time_order', endedField);
      return;
    }
    if (event.has(durationField)) return;
    if (elapsedMs > fieldMax[durationField]!) {
      event.fail('field_range', durationField);
      return;
    }
    numbers[durationField] = elapsedMs;
    event.set(durationField);
  }

  #refuseMissing(event: StagedEvent, missingLow: number, missingHigh: number): void {
    if (!event.has(agentField)) {
      event.fail('field_required', agentField);
      return;
    }
    const word = missingLow !== 0 ? missingLow : missingHigh;
    const bit = 31 - Math.clz32(word & -word);
    event.fail('field_required', missingLow !== 0 ? bit : 32 + bit);
  }

  /**
   * Gives a valid event its time, an end that tells its start the duration until then, and a cost its source; answers
   * whether the time had to be clamped to the accepted skew.
   */
  settle(event: StagedEvent): boolean {
    const isClamped = this.#settleTs(event);
    if (event.has(costField) && !event.has(costSourceField)) {
      event.numbers[costSourceField] = costSources.reported;
      event.set(costSourceField);
    }
    if (event.has(startedField) && !event.has(durationField) && isTerminalType[event.numbers[typeField]!]) {
      this.#deriveDuration(event);
    }
    return isClamped;
  }

  #settleTs(event: StagedEvent): boolean {
    const { numbers } = event;
    if (!event.has(tsField)) {
      numbers[tsField] = this.#clockMs;
      event.set(tsField);
      return false;
    }
    const sentMs = numbers[tsField]!;
    if (sentMs >= this.#earliestMs && sentMs <= this.#latestMs) return false;
    numbers[tsField] = sentMs < this.#earliestMs ? this.#earliestMs : this.#latestMs;
    return true;
  }

  /** Without ended_at, that is: with it, `check` did. Clocks that disagree tell no duration. */
  #deriveDuration(event: StagedEvent): void {
    const { numbers } = event;
    const elapsedMs = numbers[tsField]! - numbers[startedField]!;
    if (event.has(endedField) || elapsedMs < 0 || elapsedMs > fieldMax[durationField]!) return;
    numbers[durationField] = elapsedMs;
    event.set(durationField);
  }
}
