import type { Timer } from '../../core/clock.js';
import { errorMessage } from '../../core/error-message.js';
import type { TidemarkEvent } from '../event.js';
import { readCarrier } from './carrier.js';
import { type Flowing, sharedOf } from './context.js';
import { type Delivery, noDelivery } from './delivery.js';
import type { Classify } from './failure.js';
import { Handle } from './handle.js';
import { Ids } from './ids.js';
import { mendText } from './mend.js';
import { OpenList } from './open-list.js';
import type { Flushed, RunOptions, Shared, Stats, TidemarkOptions } from './options.js';
import { PostDelivery } from './post-delivery.js';
import type { DraftEvent, Recorder } from './recorder.js';
import { type Beginning, noOptions } from './scope.js';
import { StreamDelivery } from './stream-delivery.js';
import type { ContextVariable, Surroundings } from './surroundings.js';
import { UntoldStarts } from './untold-starts.js';
import { Words } from './words.js';

const batchAgeMsDefault = 200;
const flushMsDefault = 5_000;
/** Beats a time: beyond them open runs and tasks are told of in turn. */
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
    return this.#desk.resume(typeof from === 'string' ? from : (from.tidemark ?? from.traceparent ?? ''), options);
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
  /** Runs and tasks. */
  readonly #open = new OpenList<Handle>();
  readonly #untold: UntoldStarts;
  readonly #takeBackEnd: () => void;
  #delivery: Delivery;
  #said = '';
  #beat: Timer | null = null;
  #beatsFrom = 0;
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
    this.#untold = new UntoldStarts(surroundings.clock, (options.batchAgeMs ?? batchAgeMsDefault) / 2);
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

  /** Hot path: once an event. */
  record(event: DraftEvent): void {
    if (this.isOff) return;
    try {
      event.ts ??= this.surroundings.clock.nowMs();
      event.event_id = this.ids.event();
      const redacted = this.#options.redact === undefined ? event : this.#redact(event);
      if (redacted === null) {
        this.#redacted += 1;
        return;
      }
      if (this.#isClosed) this.#late += 1;
      else this.#delivery.offer(redacted);
      this.#offered += 1;
    } catch (error) {
      this.noteProblem(error);
    }
  }

  quietly(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.noteProblem(error);
    }
  }

  noteProblem(error: unknown): void {
    this.#tell(`cannot tell: ${errorMessage(error)}`);
  }

  noteMended(count: number): void {
    this.#mended += count;
  }

  noteBegun(handle: Handle): void {
    if (handle.part === 'step') {
      this.#untold.add(handle);
      return;
    }
    this.#open.add(handle);
    if (this.#beat === null) this.#setBeat();
  }

  noteEnded(handle: Handle): void {
    if (handle.part === 'step') {
      this.#untold.remove(handle);
      return;
    }
    this.#open.remove(handle);
    if (this.#open.entries.length > 0 || this.#beat === null) return;
    this.#beat.cancel();
    this.#beat = null;
  }

  room(): Promise<void> | null {
    return this.#delivery.room();
  }

  async flush(timeoutMs: number): Promise<Flushed> {
    this.#untold.tell();
    await this.#delivery.flush(timeoutMs);
    const { acked, pending, rejected, dropped } = this.stats();
    return { acked, pending, rejected, dropped };
  }

  async close(timeoutMs: number): Promise<Flushed> {
    this.#untold.tell();
    this.#untold.stop();
    this.#isClosed = true;
    this.#beat?.cancel();
    this.#takeBackEnd();
    await this.#delivery.close(timeoutMs);
    return await this.flush(0);
  }

  stats(): Stats {
    const { acked, rejected, dropped: given, ...others } = this.#delivery.delivered();
    const dropped = given + this.#late;
    const offered = this.#offered + (this.#delivery.found ?? 0);
    const pending = offered - acked - rejected - dropped;
    return { offered, acked, pending, rejected, dropped, mended: this.#mended, redacted: this.#redacted, ...others };
  }

  /** What throws may be about to let something through: the event is not sent. */
  #redact(event: TidemarkEvent): TidemarkEvent | null {
    try {
      return this.#options.redact?.(event) ?? null;
    } catch (error) {
      this.#tell(`redact failed, the event is left out: ${errorMessage(error)}`);
      return null;
    }
  }

  #setBeat(): void {
    const { heartbeatMs: everyMs = 15_000 } = this.#options;
    if (everyMs <= 0) return;
    this.#beat = this.surroundings.clock.setTimer(everyMs, () => {
      this.#sendBeats();
      this.#setBeat();
    });
  }

  #sendBeats(): void {
    const { entries } = this.#open;
    if (this.#beatsFrom >= entries.length) this.#beatsFrom = 0;
    const beating = entries.slice(this.#beatsFrom, this.#beatsFrom + beatsMax);
    for (const handle of beating) this.record({ type: 'heartbeat', ...handle.identity() });
    this.#beatsFrom += beatsMax;
  }

  /** Each try of an outage comes to the same end: told once, until something else is or events get through. */
  #tell(text: string): void {
    try {
      const said = text + this.#delivery?.delivered().acked;
      if (said === this.#said) return;
      this.#said = said;
      this.#options.onProblem?.(text);
    } catch {
      // Whoever is told of problems may have one.
    }
  }

  #watchEnd(): () => void {
    const { surroundings } = this;
    const delivery = this.#delivery;
    if (delivery === noDelivery) return () => undefined;
    const { exitMs = 2_000, signals = true } = this.#options;
    const counts = (): Stats => {
      this.#untold.tell();
      return this.stats();
    };
    const takeBackFlush = surroundings.beforeEnd({ counts, flush: () => this.flush(exitMs) }, { signals });
    const takeBackPersist = surroundings.atEnd(() => {
      this.#untold.tell();
      this.quietly(() => delivery.persist?.());
    });
    return () => {
      takeBackFlush();
      takeBackPersist();
    };
  }

  #createDelivery(): Delivery {
    const { environment, random, randomHex, wire, clock, holdingClock, diskDelivery } = this.surroundings;
    const {
      url = environment('TIDEMARK_URL') ?? '',
      key = environment('TIDEMARK_KEY') ?? '',
      bufferBytesMax = 33_554_432,
      batchEventsMax = 500,
      batchAgeMs = batchAgeMsDefault,
      diskBytesMax = 1_073_741_824,
      overflow = 'drop',
      directory,
      transport,
      producer,
    } = this.#options;
    if (url === '') return noDelivery;
    const onProblem = (text: string): void => this.#tell(text);
    const limits = { bufferBytesMax, batchEventsMax, batchAgeMs };
    const options = { url, key, ...limits, overflow, random, wire, clock, holdingClock, onProblem };
    try {
      if (transport !== 'post' && overflow === 'disk') {
        return diskDelivery({ ...options, directory, producer: producer ?? 'sdk', diskBytesMax });
      }
      const named = { ...options, producer: producer ?? `sdk-${randomHex(24)}` };
      return transport === 'post' ? new PostDelivery(named) : new StreamDelivery(named);
    } catch (error) {
      this.#tell(`nothing is sent: ${errorMessage(error)}`);
      return noDelivery;
    }
  }
}

/** Of a handle that nothing is told about. */
const unnamed = { part: 'run', id: '', name: '', place: {}, parentId: undefined, options: noOptions } as const;
