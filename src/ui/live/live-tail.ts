import type { LiveEvent, LiveMessage } from './live-messages.js';
import { Ring } from './ring.js';

/** Stands between events where some are missing. */
interface TailGap {
  readonly gap: string;
}

export type TailLine = LiveEvent | TailGap;

export const tailLinesMax = 5_000;
const rateSeconds = 5;

/**
 * What the live socket told, as a list that is read: the newest lines, how many came, how fast, and what was lost.
 * While it is paused the lines stand still and what comes is kept beside them. Its memory does not grow with time.
 */
export class LiveTail {
  readonly #latest = new Ring<TailLine>(tailLinesMax);
  #paused: readonly TailLine[] | null = null;
  #newCount = 0;
  #total = 0;
  #lost = 0;
  #heardOf = false;
  #sinceSecond: number | null = null;
  /** Events that came within a second, by the second's remainder; `#seconds` says which second it is. */
  readonly #counts = new Uint32Array(rateSeconds + 1);
  readonly #seconds = new Float64Array(rateSeconds + 1);

  apply(message: LiveMessage, nowMs: number): void {
    if (message.op === 'hello') this.#begin(nowMs);
    if (message.op === 'events') this.#add(message.events, nowMs);
    if (message.op === 'dropped') this.#lose(message.count);
  }

  #begin(nowMs: number): void {
    this.#sinceSecond ??= Math.floor(nowMs / 1_000);
    if (this.#heardOf) this.#push({ gap: 'The connection was lost here: what came meanwhile is not in this list' });
    this.#heardOf = true;
  }

  #add(events: readonly LiveEvent[], nowMs: number): void {
    const second = Math.floor(nowMs / 1_000);
    const place = second % this.#counts.length;
    if (this.#seconds[place] !== second) {
      this.#seconds[place] = second;
      this.#counts[place] = 0;
    }
    this.#counts[place]! += events.length;
    this.#total += events.length;
    for (const event of events) this.#push(event);
  }

  #lose(count: number): void {
    this.#lost += count;
    const says = count === 1 ? '1 event was dropped here' : `${count.toLocaleString('en-US')} events were dropped here`;
    this.#push({ gap: `${says}: this page reads more slowly than they come` });
  }

  #push(line: TailLine): void {
    this.#latest.push(line);
    if (this.#paused !== null && !('gap' in line)) this.#newCount += 1;
  }

  /** Stops at what is shown now. */
  pause(): void {
    this.#paused ??= this.#latest.toArray();
  }

  /** Goes on with the newest. */
  resume(): void {
    this.#paused = null;
    this.#newCount = 0;
  }

  /** Forgets the lines, and counts from nothing. */
  clear(): void {
    this.#latest.clear();
    this.#total = 0;
    this.#lost = 0;
    this.#heardOf = false;
    this.#sinceSecond = null;
    this.#seconds.fill(0);
    this.resume();
  }

  get isPaused(): boolean {
    return this.#paused !== null;
  }

  /** Lines that are shown. */
  get length(): number {
    return this.#paused?.length ?? this.#latest.length;
  }

  /** From the oldest that is shown, 0, on. */
  line(index: number): TailLine | undefined {
    return this.#paused === null ? this.#latest.at(index) : this.#paused[index];
  }

  /** Events that came since it was paused. */
  get newCount(): number {
    return this.#newCount;
  }

  /** Events that came at all. */
  get total(): number {
    return this.#total;
  }

  /** Events the collector dropped for this page. */
  get lost(): number {
    return this.#lost;
  }

  /** Events a second over the last five whole seconds, or as many as were listened; null before the first is over. */
  rate(nowMs: number): number | null {
    if (this.#sinceSecond === null) return null;
    const second = Math.floor(nowMs / 1_000);
    const seconds = Math.min(rateSeconds, second - this.#sinceSecond);
    if (seconds < 1) return null;
    let sum = 0;
    for (const [place, of] of this.#seconds.entries()) {
      if (of >= second - seconds && of < second) sum += this.#counts[place]!;
    }
    return sum / seconds;
  }
}
