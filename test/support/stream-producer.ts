import { pack, unpack } from 'msgpackr';
import WebSocket from 'ws';
import type { Random } from '../../src/core/clock.js';

/** One frame a producer has to bring across: `good` of its events are valid. */
export interface PlannedFrame {
  readonly seq: number;
  readonly events: readonly object[];
  readonly good: number;
}

interface ServerMessage {
  readonly op: 'hello' | 'ack' | 'reject' | 'credit' | 'error';
  readonly seq: number;
  readonly last_seq: number;
  readonly credit: number;
  readonly accepted: number;
  readonly code: string;
}

export interface ProducerOptions {
  readonly name: string;
  readonly key: string;
  readonly url: () => string;
  readonly frame: (seq: number) => PlannedFrame;
  /** Frames to bring across; without it the producer goes on until `finish`. */
  readonly framesMax?: number;
  readonly random: Random;
  /** Share of frames that are sent twice. */
  readonly repeatRatio: number;
  /** Time between two frames; as fast as the credit allows when absent. */
  readonly pauseMs?: number;
  /** Of whoever signed the certificate of the collector, in PEM. */
  readonly ca?: string;
  /** Shape of the frames on the wire; chosen by chance when absent. */
  readonly shape?: 'maps' | 'columns';
}

/**
 * A plain client of the wire protocol, made from its description alone: numbers its frames, keeps them until
 * they are acknowledged, reconnects for ever and sends again what the collector does not have.
 */
export class StreamProducer {
  readonly #options: ProducerOptions;
  #acknowledged = 0;
  #sent = 0;
  /** Highest number ever sent. */
  #highest = 0;
  #credit = 0;
  #isPausing = false;
  #framesMax: number;
  #socket: WebSocket | null = null;
  /** Frames sent a second time, as far as the connection held. */
  repeats = 0;
  readonly rejectsBySeq = new Map<number, number>();
  readonly ackOrderViolations: string[] = [];
  /** A collector that no longer knew a frame it had acknowledged; such a frame is not sent again. */
  readonly forgottenAcks: string[] = [];
  readonly closeCodes: number[] = [];

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.#framesMax = options.framesMax ?? Number.POSITIVE_INFINITY;
  }

  /** Frames that were sent at least once. */
  get highest(): number {
    return this.#highest;
  }

  get credit(): number {
    return this.#credit;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** No new frames: what was sent once is still brought across. */
  finish(): void {
    this.#framesMax = Math.min(this.#framesMax, this.#highest);
    if (this.#acknowledged >= this.#framesMax) this.#socket?.close();
  }

  /** Ends, whatever is acknowledged. */
  abandon(): void {
    this.#framesMax = 0;
    this.#socket?.terminate();
  }

  /** Resolves when every frame is acknowledged. */
  async run(): Promise<void> {
    while (this.#acknowledged < this.#framesMax) {
      await this.#connection();
      await new Promise((resolve) => setTimeout(resolve, 20 + 80 * this.#options.random()));
    }
  }

  #connection(): Promise<void> {
    const { url, name, key, ca } = this.#options;
    const socket = new WebSocket(`${url()}?producer=${name}`, {
      headers: { authorization: `Bearer ${key}` },
      ...(ca === undefined ? {} : { ca }),
    });
    this.#socket = socket;
    return new Promise((resolve) => {
      socket.on('message', (data: Buffer, isBinary) => {
        // In JSON to somebody who has sent nothing yet.
        this.#receive((isBinary ? unpack(data) : JSON.parse(data.toString())) as ServerMessage);
        if (this.#acknowledged >= this.#framesMax) socket.close();
      });
      socket.on('error', () => {});
      socket.on('close', (code) => {
        this.closeCodes.push(code);
        resolve();
      });
    });
  }

  #receive(message: ServerMessage): void {
    if (message.op === 'hello') {
      if (message.last_seq < this.#acknowledged) {
        this.forgottenAcks.push(`${message.last_seq} is durable, ${this.#acknowledged} was acknowledged`);
      }
      this.#acknowledged = Math.max(this.#acknowledged, message.last_seq);
      this.#sent = this.#acknowledged;
    }
    if (message.op === 'reject') {
      if (message.seq <= this.#acknowledged && !this.rejectsBySeq.has(message.seq)) {
        this.ackOrderViolations.push(`reject of ${message.seq} came after its ack`);
      }
      this.rejectsBySeq.set(message.seq, message.accepted);
    }
    if (message.op === 'ack') this.#acknowledged = Math.max(this.#acknowledged, message.seq);
    if (message.op === 'hello' || message.op === 'credit') this.#credit = message.credit;
    this.#fill();
  }

  #fill(): void {
    const { frame: frameOf, random, repeatRatio, pauseMs = 0 } = this.#options;
    if (this.#isPausing) return;
    // A repeated frame counts like any other: half of the credit leaves room for all of them.
    while (this.#sent < this.#framesMax && 2 * (this.#sent - this.#acknowledged) < this.#credit - 1) {
      this.#sent += 1;
      this.#highest = Math.max(this.#highest, this.#sent);
      const frame = frameOf(this.#sent);
      this.#socket?.send(this.#encode(frame));
      if (random() < repeatRatio) {
        this.repeats += 1;
        this.#socket?.send(this.#encode(frame));
      }
      if (pauseMs === 0) continue;
      this.#isPausing = true;
      setTimeout(() => {
        this.#isPausing = false;
        if (this.#socket?.readyState === WebSocket.OPEN) this.#fill();
      }, pauseMs);
      return;
    }
  }

  #encode(frame: PlannedFrame): Uint8Array {
    const shape = this.#options.shape ?? (this.#options.random() < 0.5 ? 'maps' : 'columns');
    if (shape === 'maps') return pack({ seq: frame.seq, events: frame.events });
    const columns = [...new Set(frame.events.flatMap((event) => Object.keys(event)))];
    const rows = frame.events.map((event) =>
      columns.map((column) => (event as Record<string, unknown>)[column] ?? null),
    );
    return pack({ seq: frame.seq, columns, rows });
  }
}
