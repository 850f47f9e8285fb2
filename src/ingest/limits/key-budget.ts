import type { Clock, Timer } from '../../core/clock.js';
import type { ErrorCode } from '../../core/errors.js';
import { type KeyLimitName, type KeyLimits, noKeyLimits } from '../../core/key-limits.js';
import type { LimitRefusal } from '../../core/ports/request-limiter.js';
import { DayCount } from './day-count.js';
import { TokenBucket } from './token-bucket.js';

export interface KeyBudgetDeps {
  readonly clock: Clock;
  /** A limit has held the key back. */
  readonly onHeld: (limit: KeyLimitName) => void;
}

/** A connection that was told credit 0 because of its key, and is told more when its turn comes. */
export interface HeldConnection {
  resume(creditFrames: number): void;
}

/** A rate of the key, and how much of it a frame took lately. */
class Flow {
  readonly limit: KeyLimitName;
  readonly bucket: TokenBucket;
  average: number;

  constructor(limit: KeyLimitName, bucket: TokenBucket, average: number) {
    this.limit = limit;
    this.bucket = bucket;
    this.average = average;
  }

  take(amount: number, nowMs: number): void {
    this.average = Math.max(1, this.average + (amount - this.average) * averageShare);
    this.bucket.take(amount, nowMs);
  }
}

/** A frame's share in the average. */
const averageShare = 0.2;
/** Of a frame nobody has sent yet. */
const eventsExpected = 100;
const bytesExpected = 20_000;
/** Connections that wait are looked at so often at most: several frames go in each turn. */
const turnMsMin = 100;
const turnMsMax = 60_000;

/**
 * What one API key may still send. Everything of it is in one place, so that its connections and requests share it:
 * each frame that was acknowledged is taken off, and a connection hears how many frames it may send (`creditFor`), 0
 * when nothing is left. Those wait here in order, and each gets its credit from what has come in by its turn.
 */
export class KeyBudget {
  readonly #deps: KeyBudgetDeps;
  readonly day: DayCount;
  #limits: KeyLimits = noKeyLimits;
  #isLimited = false;
  #flows: readonly Flow[] = [];
  #events: Flow | null = null;
  #bytes: Flow | null = null;
  #requests: TokenBucket | null = null;
  readonly #waiting = new Set<HeldConnection>();
  #connections = 0;
  #timer: Timer | null = null;

  constructor(deps: KeyBudgetDeps, limits: KeyLimits, burstSeconds: number) {
    this.#deps = deps;
    this.day = new DayCount(deps.clock);
    this.change(limits, burstSeconds);
  }

  get limits(): KeyLimits {
    return this.#limits;
  }

  /** Whether anything is counted of what it sends. Hot path: asked once a frame. */
  get isLimited(): boolean {
    return this.#isLimited;
  }

  change(limits: KeyLimits, burstSeconds: number): void {
    const { eventsPerSecond, bytesPerSecond, requestsPerSecond, eventsPerDay } = limits;
    this.#limits = limits;
    this.#events = this.#flow('eventsPerSecond', this.#events, eventsPerSecond, burstSeconds);
    this.#bytes = this.#flow('bytesPerSecond', this.#bytes, bytesPerSecond, burstSeconds);
    this.#flows = [this.#events, this.#bytes].filter((flow) => flow !== null);
    this.#requests = this.#bucket(this.#requests, requestsPerSecond, burstSeconds);
    this.#isLimited = this.#flows.length > 0 || eventsPerDay !== null;
    if (this.#waiting.size > 0) this.#giveTurns();
  }

  join(): void {
    this.#connections += 1;
  }

  leave(connection: HeldConnection): void {
    this.#connections -= 1;
    this.#waiting.delete(connection);
  }

  /** Of a frame or body that is being received. */
  takeBytes(bytes: number): void {
    this.#bytes?.take(bytes, this.#deps.clock.monotonicMs());
  }

  /** Of a frame that was acknowledged: `events` of it, of which `stored` are new and on disk. */
  takeEvents(events: number, stored: number): void {
    this.#events?.take(events, this.#deps.clock.monotonicMs());
    if (this.#limits.eventsPerDay !== null) this.day.add(stored);
  }

  /**
   * Takes what a frame usually has, until it is known: requests that come at one time must not all pass on the same
   * tokens. The function that is returned gives it back.
   */
  reserve(): () => void {
    const flow = this.#events;
    if (flow === null) return () => undefined;
    const { clock } = this.#deps;
    const { average } = flow;
    flow.bucket.take(average, clock.monotonicMs());
    return () => flow.bucket.take(-average, clock.monotonicMs());
  }

  /** Why no frame of the key is taken at all now; null while frames are, be it slowly. */
  spent(): LimitRefusal | null {
    const { eventsPerDay } = this.#limits;
    if (eventsPerDay === null || this.day.count() < eventsPerDay) return null;
    this.#deps.onHeld('eventsPerDay');
    const retryAfterSeconds = this.day.secondsLeft();
    const message = `the key has sent its ${eventsPerDay} events of this day (UTC)`;
    return { code: 'event_quota_spent', message, retryAfterSeconds };
  }

  /** Why a request with events may not come now. */
  refusal(): LimitRefusal | null {
    const spent = this.spent();
    if (spent !== null) return spent;
    const nowMs = this.#deps.clock.monotonicMs();
    const flow = this.#flows.find(({ bucket }) => bucket.level(nowMs) <= 0);
    if (flow === undefined) return null;
    return this.#held(flow.limit, flow.bucket);
  }

  tryRequest(): LimitRefusal | null {
    const bucket = this.#requests;
    if (bucket === null) return null;
    const nowMs = this.#deps.clock.monotonicMs();
    if (bucket.level(nowMs) < 1) return this.#held('requestsPerSecond', bucket);
    bucket.take(1, nowMs);
    return null;
  }

  /**
   * How many frames the connection may have unacknowledged by its share of what is left; 0: it waits for its turn.
   * Infinite where nothing bounds it.
   */
  creditFor(connection: HeldConnection): number {
    if (this.#flows.length === 0) return Number.POSITIVE_INFINITY;
    const nowMs = this.#deps.clock.monotonicMs();
    const spent = this.#flows.find(({ bucket }) => bucket.level(nowMs) <= 0);
    // While others wait, whoever has had its turn is behind them.
    if (spent === undefined && this.#waiting.size === 0) {
      return powerOfTwo(this.#framesLeft(nowMs) / Math.max(1, this.#connections));
    }
    this.#waiting.add(connection);
    if (spent !== undefined) this.#deps.onHeld(spent.limit);
    this.#wakeLater(nowMs);
    return 0;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #held(limit: KeyLimitName, bucket: TokenBucket): LimitRefusal {
    this.#deps.onHeld(limit);
    const { code, what } = refusals[limit];
    const retryAfterSeconds = Math.max(1, Math.ceil(bucket.msUntil(1, this.#deps.clock.monotonicMs()) / 1_000));
    const message = `the key may have ${bucket.perSecond} ${what} a second; it has had them`;
    return { code, message, retryAfterSeconds };
  }

  #framesLeft(nowMs: number): number {
    return Math.min(...this.#flows.map(({ bucket, average }) => bucket.level(nowMs) / average));
  }

  #wakeLater(nowMs: number): void {
    if (this.#timer !== null) return;
    const dueMs = this.#flows.map(({ bucket, average }) => bucket.msUntil(average, nowMs));
    const delayMs = Math.min(turnMsMax, Math.max(turnMsMin, ...dueMs));
    this.#timer = this.#deps.clock.setTimer(delayMs, () => {
      this.#timer = null;
      this.#giveTurns();
    });
  }

  /** First come, first served, as far as what has come in goes. */
  #giveTurns(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    let frames = this.#flows.length === 0 ? Number.POSITIVE_INFINITY : this.#framesLeft(nowMs);
    // A frame may be larger than the burst: then a full bucket is all there can be.
    let isDue = this.#flows.every(({ bucket, average }) => bucket.msUntil(average, nowMs) === 0);
    for (const connection of [...this.#waiting]) {
      if (!isDue) break;
      const credit = powerOfTwo(frames / this.#waiting.size);
      this.#waiting.delete(connection);
      connection.resume(credit);
      if (frames === Number.POSITIVE_INFINITY) continue;
      frames -= credit;
      isDue = frames >= 1;
    }
    if (this.#waiting.size > 0) this.#wakeLater(nowMs);
  }

  #flow(limit: KeyLimitName, before: Flow | null, perSecond: number | null, burstSeconds: number): Flow | null {
    const bucket = this.#bucket(before?.bucket ?? null, perSecond, burstSeconds);
    if (bucket === null || before?.bucket === bucket) return bucket === null ? null : before;
    return new Flow(limit, bucket, limit === 'eventsPerSecond' ? eventsExpected : bytesExpected);
  }

  #bucket(before: TokenBucket | null, perSecond: number | null, burstSeconds: number): TokenBucket | null {
    if (perSecond === null) return null;
    const nowMs = this.#deps.clock.monotonicMs();
    const burst = Math.max(1, perSecond * burstSeconds);
    if (before === null) return new TokenBucket(perSecond, burst, nowMs);
    before.change(perSecond, burst, nowMs);
    return before;
  }
}

const refusals: Readonly<Record<KeyLimitName, { readonly code: ErrorCode; readonly what: string }>> = {
  eventsPerSecond: { code: 'event_rate_exceeded', what: 'events' },
  bytesPerSecond: { code: 'byte_rate_exceeded', what: 'bytes of events' },
  requestsPerSecond: { code: 'request_rate_exceeded', what: 'requests' },
  eventsPerDay: { code: 'event_quota_spent', what: 'events' },
};

/** The largest that is not above `frames`, at least 1: a credit that halves and doubles is seldom told anew. */
function powerOfTwo(frames: number): number {
  if (frames === Number.POSITIVE_INFINITY) return frames;
  return frames < 2 ? 1 : 2 ** Math.floor(Math.log2(frames));
}
