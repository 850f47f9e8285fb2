import type { Timer } from '../../core/clock.js';
import { randomProducer } from '../client-options.js';
import type { TidemarkEvent } from '../event.js';
import { readCarrier } from './carrier.js';
import { type Flowing, sharedOf } from './context.js';
import { type Delivery, noDelivery } from './delivery.js';
import type { Classify } from './failure.js';
import { Handle } from './handle.js';
import { Ids } from './ids.js';
import { mendText } from './mend.js';
import type { Flushed, RunOptions, Shared, Stats, TidemarkOptions } from './options.js';
import { PostDelivery } from './post-delivery.js';
import type { Recorder } from './recorder.js';
import type { Beginning } from './scope.js';
import { StreamDelivery, type StreamOptions } from './stream-delivery.js';
import type { ContextVariable, Surroundings } from './surroundings.js';
import { Words } from './words.js';

const defaults = {
  bufferBytesMax: 33_554_432,
  batchEventsMax: 500,
  batchAgeMs: 200,
  heartbeatMs: 15_000,
  exitMs: 2_000,
  diskBytesMax: 1_073_741_824,
} as const;

const flushMsDefault = 5_000;
/** Beats a time: beyond them the oldest open runs are told of in turn. */
const beatsMax = 1_000;

export interface FlushOptions {
  readonly timeoutMs?: number;
}

/**
 * What an agent tells with. Nothing of it throws, rejects or keeps the process alive; without a url nothing is sent.
 */
export class Tidemark extends Words<Handle> {
  readonly #desk: Desk;

  constructor(surroundings: Surroundings, options: TidemarkOptions = {}) {
    const desk = new Desk(surroundings, options);
    super(desk);
    this.#desk = desk;
  }

  /** The innermost handle around the caller; outside of all, one that keeps nothing. */
  current(): Handle {
    return this.inside() ?? this.#desk.nothing();
  }

  /** The run, task or step that another process handed over; it ends there, and what is begun here belongs to it. */
  resume(from: string | Readonly<Record<string, string | undefined>>, options: RunOptions = {}): Handle {
    return this.#desk.resume(typeof from === 'string' ? from : (from.tidemark ?? ''), options);
  }

  /** Resolves when all that was told before is acknowledged, rejected or dropped, or after `timeoutMs` (5 s). */
  async flush({ timeoutMs = flushMsDefault }: FlushOptions = {}): Promise<Flushed> {
    return await this.#desk.flush(timeoutMs);
  }

  /** Flushes, and takes no more. */
  async close({ timeoutMs = flushMsDefault }: FlushOptions = {}): Promise<Flushed> {
    return await this.#desk.close(timeoutMs);
  }

  stats(): Stats {
    return this.#desk.stats();
  }

  /** For adapters: does a piece of telemetry; what it throws is told to `onProblem`, and answered by undefined. */
  quietly<Result>(work: () => Result): Result | undefined {
    let result: Result | undefined;
    this.#desk.quietly(() => {
      result = work();
    });
    return result;
  }

  protected override inside(): Handle | null {
    return this.#desk.flowing()?.handle ?? null;
  }
}

/** Where the handles of a client come to, and the events go out. */
class Desk implements Recorder<Handle> {
  readonly surroundings: Surroundings;
  readonly ids: Ids;
  readonly shared: Shared;
  readonly classify: Classify | undefined;
  readonly #options: TidemarkOptions;
  readonly #context: ContextVariable<Flowing<Handle>>;
  readonly #open = new Set<Handle>();
  readonly #takeBackEnd: () => void;
  #delivery: Delivery;
  #beat: Timer | null = null;
  #offered = 0;
  #mended = 0;
  #redacted = 0;
  /** Taken after the end of the client. */
  #late = 0;
  #isClosed = false;

  constructor(surroundings: Surroundings, options: TidemarkOptions) {
    this.surroundings = surroundings;
    this.#options = options;
    this.ids = new Ids((digits) => surroundings.randomHex(digits));
    this.classify = options.classify;
    this.shared = {
      ...sharedOf(options),
      agent: mendText(options.agent ?? surroundings.environment('TIDEMARK_AGENT')),
      environment: mendText(options.environment ?? surroundings.environment('TIDEMARK_ENVIRONMENT')),
    };
    this.#context = surroundings.createContext();
    this.#delivery = this.#createDelivery();
    this.#takeBackEnd = this.#watchEnd();
  }

  get isOff(): boolean {
    return this.#delivery === noDelivery;
  }

  flowing(): Flowing<Handle> | undefined {
    return this.#context.get();
  }

  within<Result>(flowing: Flowing<Handle>, work: () => Result): Result {
    return this.#context.run(flowing, work);
  }

  open(beginning: Beginning): Handle {
    return new Handle(this, beginning);
  }

  nothing(): Handle {
    return new Handle(this, { ...unnamed, shared: this.shared, foreign: true });
  }

  resume(carrier: string, options: RunOptions): Handle {
    const carried = readCarrier(carrier);
    if (carried === null) {
      this.#tell('cannot resume: that is no carrier of a run');
      return this.nothing();
    }
    const { run, task, step, agent } = carried;
    const place = { run_id: run || undefined, task_id: task || undefined, step_id: step || undefined };
    const id = step || task || run;
    const part = step !== '' ? 'step' : task !== '' ? 'task' : 'run';
    const carriedAgent = agent === '' ? {} : { agent };
    const shared = { ...this.shared, ...carriedAgent, ...sharedOf(options) };
    return new Handle(this, { ...unnamed, part, id, place, shared, foreign: true });
  }

  record(event: Omit<TidemarkEvent, 'event_id'>): void {
    this.quietly(() => {
      if (this.isOff) return;
      const stamps = { ts: event.ts ?? this.surroundings.clock.nowMs(), event_id: this.ids.event() };
      const whole: TidemarkEvent = Object.assign(event, stamps);
      const redacted = this.#options.redact === undefined ? whole : this.#redact(whole);
      if (redacted === null) {
        this.#redacted += 1;
        return;
      }
      this.#offered += 1;
      if (this.#isClosed) this.#late += 1;
      else this.#delivery.offer(redacted);
    });
  }

  quietly(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#tell(`cannot tell: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  noteMended(count: number): void {
    this.#mended += count;
  }

  noteOpened(handle: Handle): void {
    if (handle.part === 'step') return;
    this.#open.add(handle);
    if (this.#beat === null) this.#setBeat();
  }

  noteEnded(handle: Handle): void {
    this.#open.delete(handle);
    if (this.#open.size > 0 || this.#beat === null) return;
    this.#beat.cancel();
    this.#beat = null;
  }

  room(): Promise<void> | null {
    return this.#delivery.room();
  }

  async flush(timeoutMs: number): Promise<Flushed> {
    await this.#delivery.flush(timeoutMs);
    const { acked, pending, rejected, dropped } = this.stats();
    return { acked, pending, rejected, dropped };
  }

  async close(timeoutMs: number): Promise<Flushed> {
    this.#isClosed = true;
    this.#beat?.cancel();
    this.#takeBackEnd();
    await this.#delivery.close(timeoutMs);
    return await this.flush(0);
  }

  stats(): Stats {
    const { acked, rejected, dropped: given, connections, resent, state } = this.#delivery.delivered();
    const dropped = given + this.#late;
    const offered = this.#offered + (this.#delivery.found ?? 0);
    const pending = offered - acked - rejected - dropped;
    const counts = { offered, acked, pending, rejected, dropped };
    return { ...counts, mended: this.#mended, redacted: this.#redacted, connections, resent, state };
  }

  /** What throws may be about to let something through: the event is not sent. */
  #redact(event: TidemarkEvent): TidemarkEvent | null {
    try {
      return this.#options.redact?.(event) ?? null;
    } catch (error) {
      this.#tell(`redact failed, the event is left out: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }

  #setBeat(): void {
    const everyMs = this.#options.heartbeatMs ?? defaults.heartbeatMs;
    if (everyMs <= 0) return;
    this.#beat = this.surroundings.clock.setTimer(everyMs, () => {
      this.#sendBeats();
      this.#setBeat();
    });
  }

  #sendBeats(): void {
    let beats = 0;
    for (const handle of this.#open) {
      if (beats === beatsMax) return;
      beats += 1;
      this.record({ type: 'heartbeat', ...handle.identity() });
      // To the end of the line: the others come first next time.
      this.#open.delete(handle);
      this.#open.add(handle);
    }
  }

  #tell(text: string): void {
    try {
      this.#options.onProblem?.(text);
    } catch {
      // Whoever is told of problems may have one.
    }
  }

  #watchEnd(): () => void {
    const { surroundings } = this;
    const delivery = this.#delivery;
    if (delivery === noDelivery) return () => undefined;
    const { exitMs = defaults.exitMs, signals = true } = this.#options;
    const takeBackFlush = surroundings.beforeEnd(
      { pending: () => this.stats().pending, flush: () => this.flush(exitMs) },
      { signals },
    );
    const takeBackPersist = surroundings.atEnd(() => this.quietly(() => delivery.persist?.()));
    return () => {
      takeBackFlush();
      takeBackPersist();
    };
  }

  #createDelivery(): Delivery {
    const { surroundings } = this;
    const url = this.#options.url ?? surroundings.environment('TIDEMARK_URL');
    if (url === undefined || url === '') return noDelivery;
    const options = {
      url,
      key: this.#options.key ?? surroundings.environment('TIDEMARK_KEY') ?? '',
      bufferBytesMax: this.#options.bufferBytesMax ?? defaults.bufferBytesMax,
      batchEventsMax: this.#options.batchEventsMax ?? defaults.batchEventsMax,
      batchAgeMs: this.#options.batchAgeMs ?? defaults.batchAgeMs,
      random: () => surroundings.random(),
      onProblem: (text: string) => this.#tell(text),
      wire: surroundings.wire,
      clock: surroundings.clock,
      holdingClock: surroundings.holdingClock,
    };
    const { producer = randomProducer(options.random), overflow = 'drop', transport = 'stream' } = this.#options;
    try {
      if (transport === 'post') return new PostDelivery({ ...options, producer });
      if (overflow === 'disk') return this.#createDiskDelivery({ ...options, overflow });
      return new StreamDelivery({ ...options, producer, overflow });
    } catch (error) {
      this.#tell(`nothing is sent: ${error instanceof Error ? error.message : String(error)}`);
      return noDelivery;
    }
  }

  #createDiskDelivery(options: StreamOptions): Delivery {
    const { directory, producer = 'sdk', diskBytesMax = defaults.diskBytesMax } = this.#options;
    if (directory === undefined) throw new Error('overflow disk needs a directory');
    const random = (): number => this.surroundings.random();
    const delivery = this.surroundings.diskDelivery({ ...options, directory, producer, diskBytesMax, random });
    if (delivery === null) throw new Error('overflow disk is not for pages: they have no files');
    return delivery;
  }
}

/** Of a handle that nothing is told about. */
const unnamed = { part: 'run', id: '', name: '', place: {}, parentId: undefined, options: {} } as const;
