import { WebSocket } from 'ws';
import { parseServerMessage } from '../src/sdk/binary-message.js';
import type { FrameFormat, FrameTemplate } from './frame-template.js';
import { LatencyHistogram } from './latency-histogram.js';
import { createTemplates } from './payload.js';

/**
 * The other side of the end-to-end bench, a process of its own so that its CPU is not the collector's. It is told
 * what to send as JSON in its first argument, and says over the IPC channel `begun` with the first ack, and at the end
 * one `LoadReport`. A connection is a producer; it honours credit. Masking is with zeros (RFC 6455 allows any key),
 * which saves a pass over the bytes.
 */
export interface LoadOptions {
  readonly url: string;
  readonly key: string;
  readonly format: FrameFormat;
  readonly connections: number;
  readonly agents: number;
  readonly eventsPerFrame: number;
  readonly templates: number;
  readonly token: string;
  /** Frames are sent until this time is over, or until the parent says `stop`. */
  readonly seconds: number;
  /** Events per second of all connections together; 0 is as fast as credit allows. */
  readonly rate: number;
  /** The load also ends when so many events have been sent. */
  readonly eventsMax?: number;
}

export interface LoadReport {
  readonly frames: number;
  readonly events: number;
  readonly executions: number;
  readonly bytes: number;
  readonly acknowledgedFrames: number;
  readonly rejectedEvents: number;
  /** First frame to last ack, ms. */
  readonly elapsedMs: number;
  readonly firstSentAtMs: number;
  readonly generatorCpuMs: number;
  readonly ackPairs: readonly (readonly [number, number])[];
  /** Wall time and events, executions sent up to then, at most one entry a `sampleMs`. */
  readonly sent: readonly (readonly [number, number, number])[];
  readonly problems: readonly string[];
}

/** What the generator says to its parent. */
export type LoadMessage = 'begun' | LoadReport;

const sampleMs = 5;
const acksWaitMsMax = 60_000;

class Load {
  readonly options: LoadOptions;
  readonly acks = new LatencyHistogram();
  readonly sent: [number, number, number][] = [];
  readonly problems: string[] = [];
  frames = 0;
  events = 0;
  executions = 0;
  bytes = 0;
  acknowledgedFrames = 0;
  rejectedEvents = 0;
  firstSentMs = 0;
  lastAckMs = 0;
  stopped = false;
  #allowedEvents = 0;
  #startedMs = 0;
  #allSent: (() => void) | null = null;
  /** `eventsMax` events have been sent. */
  readonly allSent = new Promise<void>((resolve) => {
    this.#allSent = resolve;
  });

  constructor(options: LoadOptions) {
    this.options = options;
  }

  start(): void {
    this.#startedMs = performance.now();
  }

  /** Whether the rate allows one more frame now. */
  mayStart(): boolean {
    if (this.stopped) return false;
    if (this.options.rate === 0) return true;
    this.#allowedEvents = ((performance.now() - this.#startedMs) / 1_000) * this.options.rate;
    return this.events < this.#allowedEvents;
  }

  count(template: FrameTemplate): void {
    this.firstSentMs ||= Date.now();
    this.frames += 1;
    this.events += template.events;
    this.executions += template.executions;
    this.bytes += template.bytes.length;
    if (this.events >= (this.options.eventsMax ?? Number.POSITIVE_INFINITY)) {
      this.stopped = true;
      this.#allSent?.();
    }
    const nowMs = Date.now();
    const last = this.sent.at(-1);
    if (last === undefined || nowMs - last[0] >= sampleMs) this.sent.push([nowMs, this.events, this.executions]);
  }
}

class Sender {
  readonly #load: Load;
  readonly #socket: WebSocket;
  readonly #templates: readonly FrameTemplate[];
  readonly #sentMs = new Map<number, number>();
  #credit = 0;
  #seq = 0;
  #acknowledged = 0;
  #firstEvent = 0;
  #onIdle: (() => void) | null = null;
  readonly ready: Promise<void>;

  constructor(load: Load, connection: number) {
    this.#load = load;
    this.#templates = createTemplates({ ...load.options, connection });
    const producer = `${load.options.token}-${connection}`;
    this.#socket = new WebSocket(`${load.options.url}/v1/stream?producer=${producer}`, ['tidemark.v1'], {
      headers: { authorization: `Bearer ${load.options.key}` },
      perMessageDeflate: false,
      generateMask: () => {},
    });
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', (code, reason) => {
      if (!this.isIdle() || !load.stopped) this.#fail(`closed with ${code} ${reason.toString()}`);
    });
    this.ready = new Promise((resolve) => {
      this.#socket.on('message', (data, isBinary) => this.#hear(data as Buffer, isBinary, resolve));
    });
  }

  isIdle(): boolean {
    return this.#acknowledged === this.#seq;
  }

  /** At full rate: all that credit allows. At a given rate the pacer decides who sends. */
  pump(): void {
    if (this.#load.options.rate === 0) while (this.trySend());
  }

  /** Hot path: once a frame. False when neither credit, time nor a free template allows one now. */
  trySend(): boolean {
    const template = this.#templates[this.#seq % this.#templates.length];
    // A template that the socket still holds is busy; its callback pumps again.
    if (template === undefined || template.busy) return false;
    if (this.#seq - this.#acknowledged >= this.#credit || !this.#load.mayStart()) return false;
    this.#seq += 1;
    template.patch({ seq: this.#seq, firstEvent: this.#firstEvent, nowMs: Date.now() });
    this.#firstEvent += template.events;
    template.busy = true;
    this.#sentMs.set(this.#seq, performance.now());
    this.#load.count(template);
    this.#socket.send(template.bytes, { binary: this.#load.options.format !== 'json' }, () => {
      template.busy = false;
      this.pump();
    });
    return true;
  }

  idle(): Promise<void> {
    if (this.isIdle()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  close(): void {
    this.#socket.close();
  }

  #hear(data: Buffer, isBinary: boolean, greeted: () => void): void {
    const message = parseServerMessage(data, isBinary);
    switch (message?.op) {
      case 'hello':
        this.#credit = message.credit;
        greeted();
        break;
      case 'credit':
        this.#credit = message.credit;
        this.pump();
        break;
      case 'ack':
        this.#acknowledge(message.seq);
        break;
      case 'reject':
        this.#load.rejectedEvents += this.#load.options.eventsPerFrame - message.accepted;
        this.#fail(`reject ${JSON.stringify(message)}`);
        break;
      default:
        this.#fail(JSON.stringify(message));
    }
  }

  #acknowledge(seq: number): void {
    const nowMs = performance.now();
    while (this.#acknowledged < Math.min(seq, this.#seq)) {
      this.#acknowledged += 1;
      this.#load.acks.record(nowMs - (this.#sentMs.get(this.#acknowledged) ?? nowMs));
      this.#sentMs.delete(this.#acknowledged);
      this.#load.acknowledgedFrames += 1;
    }
    if (this.#load.lastAckMs === 0) process.send?.('begun' satisfies LoadMessage);
    this.#load.lastAckMs = Date.now();
    if (this.isIdle()) this.#onIdle?.();
    this.pump();
  }

  #fail(problem: string): void {
    if (this.#load.problems.length < 5) this.#load.problems.push(problem.slice(0, 300));
  }
}

const stopAsked = new Promise<void>((resolve) => {
  process.on('message', (message) => message === 'stop' && resolve());
});

async function run(options: LoadOptions): Promise<LoadReport> {
  const load = new Load(options);
  const senders = Array.from({ length: options.connections }, (_, connection) => new Sender(load, connection));
  await Promise.race([Promise.all(senders.map(({ ready }) => ready)), wait(10_000)]);
  const cpu = process.cpuUsage();
  load.start();
  for (const sender of senders) sender.pump();
  const pacer = options.rate > 0 ? setInterval(createPacer(senders), 2) : undefined;
  await Promise.race([wait(options.seconds * 1_000), stopAsked, load.allSent]);
  load.stopped = true;
  clearInterval(pacer);
  await Promise.race([Promise.all(senders.map((sender) => sender.idle())), wait(acksWaitMsMax)]);
  const { user, system } = process.cpuUsage(cpu);
  for (const sender of senders) sender.close();
  load.sent.push([Date.now(), load.events, load.executions]);
  return {
    frames: load.frames,
    events: load.events,
    executions: load.executions,
    bytes: load.bytes,
    acknowledgedFrames: load.acknowledgedFrames,
    rejectedEvents: load.rejectedEvents,
    elapsedMs: load.lastAckMs - load.firstSentMs,
    firstSentAtMs: load.firstSentMs,
    generatorCpuMs: (user + system) / 1_000,
    ackPairs: load.acks.toPairs(),
    sent: load.sent,
    problems: load.problems,
  };
}

/** Frames that are due go to the connections in turn, so that all of them take part. */
function createPacer(senders: readonly Sender[]): () => void {
  let turn = 0;
  return () => {
    let refused = 0;
    while (refused < senders.length) {
      refused = senders[turn % senders.length]?.trySend() === true ? 0 : refused + 1;
      turn += 1;
    }
  };
}

function wait(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs).unref());
}

const report = await run(JSON.parse(process.argv[2] ?? '{}') as LoadOptions);
process.send?.(report satisfies LoadMessage, () => process.exit(0));
