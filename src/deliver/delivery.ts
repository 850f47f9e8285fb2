import { stat } from 'node:fs/promises';
import { type Backoff, backoffMs } from '../core/backoff.js';
import type { Clock, Random } from '../core/clock.js';
import { CollectorError, type ErrorCode, errorMessage } from '../core/errors.js';
import type { DeliverInstruments } from '../core/instruments.js';
import type { Logger } from '../core/logger.js';
import { Pause } from '../core/pause.js';
import type { DeliveryHold } from '../core/ports/delivery-hold.js';
import type { DependencyHealth, HealthProbe } from '../core/ports/health-probe.js';
import type { SegmentWriter } from '../core/ports/segment-writer.js';
import type { SpoolReader, SpoolSegment } from '../core/ports/spool-reader.js';
import { type Progress, type ProgressTask, silentProgress } from '../core/progress.js';
import type { Stage } from '../core/stage.js';
import type { TimeSpan } from '../core/time-span.js';
import { optionalInstant } from '../core/time-text.js';
import { Turn } from '../core/turn.js';
import { within } from '../core/within.js';

/**
 * Closed segments to the store, oldest first, one at a time, each until the store has it.
 *
 *   inserted                        released
 *   refused for now                 tried again for ever, with backoff: ingest goes on into the spool
 *   refused for good, twice         quarantined (`store_rejected`); the second attempt confirms the first
 *   not the size its log says,      quarantined (`corrupt`), never sent: a look that failed, and one that was wrong,
 *   ten times                       may be the disk's
 *
 * A segment is never deleted unless it was inserted. Whatever is interrupted (a stop, a crash between insert and
 * release) is done again later; its writer finds out what the store has of it.
 */
export interface DeliveryDeps {
  readonly reader: SpoolReader;
  readonly writer: SegmentWriter;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly instruments: DeliverInstruments;
  /** How far the events are that were found at the start. */
  readonly progress?: Progress;
  /** Size of a file, null when there is none; absent: as the system tells it. */
  readonly fileBytes?: (path: string) => Promise<number | null>;
}

export interface DeliveryOptions {
  /** Between attempts at one segment. */
  readonly backoff: Backoff;
  /** Health is degraded when the oldest undelivered event is older. */
  readonly lagMsMax: number;
}

export const defaultDeliveryOptions: DeliveryOptions = {
  backoff: { delayMsMin: 100, delayMsMax: 10_000 },
  lagMsMax: 30_000,
};

export interface Delivery extends Required<Stage>, DeliveryHold, HealthProbe {
  health(): DependencyHealth;
  /** When the events were received whose insert is under way: some tables have them, others do not yet. */
  readonly inserting: TimeSpan | null;
}

export function createDelivery(deps: DeliveryDeps, options: DeliveryOptions = defaultDeliveryOptions): Delivery {
  return new SegmentDelivery(deps, options);
}

/** Why the work stands still, while it does. */
interface Trouble {
  readonly sinceMs: number;
  readonly attempts: number;
  readonly code: ErrorCode;
  readonly message: string;
}

type Outcome = 'done' | 'stopped';

/** Attempts, with their growing pauses, until a file that is missing or cut is taken to be so. */
const unreadableMax = 10;

class SegmentDelivery implements Delivery {
  readonly name = 'delivery';
  readonly ifUnhealthy = 'degraded';
  readonly #deps: DeliveryDeps;
  readonly #options: DeliveryOptions;
  #loop: Promise<void> | null = null;
  #inserting: TimeSpan | null = null;
  #trouble: Trouble | null = null;
  /** For a segment, or for the next attempt. */
  readonly #pause: Pause;
  /** A segment was closed while nobody waited. */
  #closedMeanwhile = false;
  /** Of what was in the spool at the start, which goes first; null once it is in the store. */
  #replay: { readonly task: ProgressTask; readonly total: number; done: number } | null = null;
  /** Held from the first attempt at a segment until it is released, so that nobody sees one half inserted. */
  readonly #turn = new Turn();
  /** End the wait for a hold that has not begun. */
  readonly #waiting = new Set<(error: CollectorError) => void>();

  constructor(deps: DeliveryDeps, options: DeliveryOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#pause = new Pause(deps.clock);
  }

  get inserting(): TimeSpan | null {
    return this.#inserting;
  }

  async start(): Promise<void> {
    if (this.#loop !== null || this.#pause.hasEnded) return;
    this.#deps.reader.onClosed(() => this.#segmentClosed());
    const { progress = silentProgress, reader } = this.#deps;
    const { events: total } = reader.stats();
    if (total > 0) {
      const task = progress.begin({ what: 'replay of the spool', unit: 'events', total });
      this.#replay = { task, total, done: 0 };
    }
    this.#loop = this.#run();
  }

  /** Finishes the insert under way, starts no other. What it leaves is delivered after the next start. */
  async stop(deadlineMs: number): Promise<void> {
    this.#pause.end();
    this.#replay?.task.end();
    if (this.#loop !== null) await within(this.#deps.clock, this.#loop, deadlineMs);
  }

  health(): DependencyHealth {
    const { clock, reader } = this.#deps;
    const stats = reader.stats();
    const ageMs = stats.oldestReceivedMs === null ? null : Math.max(0, clock.nowMs() - stats.oldestReceivedMs);
    const trouble = this.#trouble;
    const late = ageMs !== null && ageMs > this.#options.lagMsMax;
    return {
      name: 'delivery',
      status: trouble === null && !late ? 'healthy' : 'degraded',
      reason: trouble?.message ?? (late ? `the oldest undelivered event is ${Math.round(ageMs / 1000)} s old` : null),
      details: {
        retrying_since: optionalInstant(trouble?.sinceMs ?? null),
        attempts: trouble?.attempts ?? 0,
        error_code: trouble?.code ?? null,
        oldest_event_age_ms: ageMs,
        undelivered_events: stats.events,
        undelivered_segments: stats.segments,
        quarantined_segments: stats.quarantinedSegments,
        quarantined_events: stats.quarantinedEvents,
      },
    };
  }

  whileHeld<T>(work: () => Promise<T>): Promise<T> {
    if (this.#trouble !== null) return Promise.reject(insertInDoubt(this.#trouble.message));
    return new Promise<T>((resolve, reject) => {
      const giveUp = (error: CollectorError): void => {
        this.#waiting.delete(giveUp);
        reject(error);
      };
      this.#waiting.add(giveUp);
      void this.#turn.run(async () => {
        if (this.#waiting.delete(giveUp)) await work().then(resolve, reject);
      });
    });
  }

  async #run(): Promise<void> {
    if ((await this.#turn.run(() => this.#deliverFirst())) === 'stopped') return;
    while (!this.#pause.hasEnded) {
      const segment = this.#deps.reader.peek();
      if (segment === null) await this.#nextClosed();
      else if ((await this.#turn.run(() => this.#deliver(segment))) === 'stopped') return;
    }
  }

  /**
   * What an earlier process may have inserted in part comes before everything that holds deliveries: only the store as
   * that process left it tells how much of it is there.
   */
  async #deliverFirst(): Promise<Outcome> {
    const { reader } = this.#deps;
    while (!this.#pause.hasEnded && reader.stats().events > 0) {
      const segment = reader.peek();
      if (segment !== null) return await this.#deliver(segment);
      await this.#nextClosed();
    }
    return 'done';
  }

  async #deliver(segment: SpoolSegment): Promise<Outcome> {
    if (this.#pause.hasEnded) return 'stopped';
    this.#inserting = receivedIn(segment);
    for (let attempt = 1, refusals = 0, unreadable = 0; ; attempt++) {
      const error = await this.#tryInsert(segment);
      if (error === null) {
        this.#inserting = null;
        return await this.#settle(segment, () => this.#deps.reader.release(segment.id));
      }
      refusals = error.retryable ? 0 : refusals + 1;
      unreadable = error.code === 'segment_unreadable' ? unreadable + 1 : 0;
      const corrupt = error.code === 'segment_corrupt' || unreadable >= unreadableMax;
      if (corrupt || refusals > 1) {
        this.#deps.logger.error(
          { ...describe(segment), code: error.code, error: error.message },
          'segment quarantined',
        );
        this.#inserting = null;
        const reason = corrupt ? 'corrupt' : 'store_rejected';
        return await this.#settle(segment, async () => {
          const arrived = await this.#deps.writer.giveUp(segment);
          await this.#deps.reader.quarantine(segment.id, reason, arrived);
        });
      }
      if ((await this.#backOff(segment, attempt, error)) === 'stopped') return 'stopped';
    }
  }

  async #tryInsert(segment: SpoolSegment): Promise<CollectorError | null> {
    const { clock, writer, instruments } = this.#deps;
    const startedMs = clock.monotonicMs();
    try {
      await assertWhole(segment, this.#deps.fileBytes ?? fileBytes);
      await writer.insert(segment);
    } catch (error) {
      return asCollectorError(error, `cannot insert segment ${segment.id}`);
    }
    instruments.insertSeconds.observe((clock.monotonicMs() - startedMs) / 1000);
    instruments.insertBytes.inc(segment.bytes);
    instruments.eventsInserted.inc(segment.rows);
    instruments.freshnessSeconds.observe(Math.max(0, clock.nowMs() - segment.firstReceivedMs) / 1000);
    return null;
  }

  /** Releases or quarantines until the spool has done it: the disk may refuse for a while. */
  async #settle(segment: SpoolSegment, act: () => Promise<void>): Promise<Outcome> {
    for (let attempt = 1; ; attempt++) {
      try {
        await act();
        this.#recovered();
        this.#replayed(segment.rows);
        return 'done';
      } catch (error) {
        const refusal = asCollectorError(error, `cannot settle segment ${segment.id}`);
        if ((await this.#backOff(segment, attempt, refusal)) === 'stopped') return 'stopped';
      }
    }
  }

  async #backOff(segment: SpoolSegment, attempt: number, error: CollectorError): Promise<Outcome> {
    const { clock, logger, instruments, random } = this.#deps;
    if (this.#trouble === null) {
      // Once a trouble, not once an attempt: it may last a day.
      logger.warn({ ...describe(segment), code: error.code, error: error.message }, 'delivery is being retried');
    }
    instruments.insertRetries.inc({ reason: error.code });
    const sinceMs = this.#trouble?.sinceMs ?? clock.nowMs();
    this.#trouble = { sinceMs, attempts: attempt, code: error.code, message: error.message };
    for (const giveUp of this.#waiting) giveUp(insertInDoubt(error.message));
    await this.#pause.wait(backoffMs(this.#options.backoff, attempt, random));
    return this.#pause.hasEnded ? 'stopped' : 'done';
  }

  #replayed(rows: number): void {
    if (this.#replay === null) return;
    this.#replay.done += rows;
    const { task, total, done } = this.#replay;
    task.advance(Math.min(done, total));
    if (done < total) return;
    task.end();
    this.#replay = null;
  }

  #recovered(): void {
    if (this.#trouble === null) return;
    const { sinceMs, attempts, code } = this.#trouble;
    this.#trouble = null;
    this.#deps.logger.info({ code, attempts, durationMs: this.#deps.clock.nowMs() - sinceMs }, 'delivery goes on');
  }

  // ── waiting ───────────────────────────────────────────────────────────────────────────────────────────────

  #segmentClosed(): void {
    this.#closedMeanwhile = true;
    // A wait between attempts is not cut short: the store is what it waits for.
    if (this.#trouble === null) this.#pause.wake();
  }

  async #nextClosed(): Promise<void> {
    if (!this.#closedMeanwhile) await this.#pause.wait(null);
    this.#closedMeanwhile = false;
  }
}

/** The spool's recovery has checked the frames; this is against a file that was cut or replaced since. */
async function assertWhole(segment: SpoolSegment, sizeOf: typeof fileBytes): Promise<void> {
  const bytes = await sizeOf(segment.dataPath);
  if (bytes === segment.bytes) return;
  const found = bytes === null ? 'its file is missing' : `its file has ${bytes} bytes instead of ${segment.bytes}`;
  throw new CollectorError('segment_unreadable', `cannot insert segment ${segment.id}: ${found}`);
}

/** Null when there is no such file; any other failure of the disk may pass. */
async function fileBytes(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** What is not a CollectorError is a defect or a failing disk; it is retried, because giving up would lose events. */
function asCollectorError(error: unknown, what: string): CollectorError {
  if (error instanceof CollectorError) return error;
  return new CollectorError('internal', `${what}: ${errorMessage(error)}`, { cause: error });
}

/** Rows of the segment may be in the raw table and not yet in a rollup, until another attempt has completed it. */
function insertInDoubt(cause: string): CollectorError {
  return new CollectorError('store_unreachable', `cannot hold delivery: an insert is being retried: ${cause}`);
}

function describe(segment: SpoolSegment): object {
  return { segment: segment.id, rows: segment.rows, bytes: segment.bytes, path: segment.dataPath };
}

/** Null of a segment that has no batch left to read. */
function receivedIn({ firstReceivedMs, lastReceivedMs }: SpoolSegment): TimeSpan | null {
  return firstReceivedMs <= lastReceivedMs ? { fromMs: firstReceivedMs, toMs: lastReceivedMs + 1 } : null;
}
