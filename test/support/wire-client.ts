import { pack, unpack } from 'msgpackr';
import { onTestFinished } from 'vitest';
import WebSocket from 'ws';
import type { CollectorProcess } from './collector-process.js';
import { testKey } from './collector-process.js';

export interface WireMessage {
  readonly op: string;
  readonly seq?: number;
  readonly last_seq?: number;
  readonly credit?: number;
  readonly producer?: string;
  readonly accepted?: number;
  readonly code?: string;
  readonly max_frame_bytes?: number;
  readonly errors?: readonly { readonly index: number; readonly code: string; readonly path: string }[];
}

/** One connection, by hand: what was received, in order, and how it was closed. */
export class WireClient {
  readonly #socket: WebSocket;
  readonly received: WireMessage[] = [];
  closeCode: number | null = null;
  #wake: () => void = () => {};

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      this.received.push((isBinary ? unpack(data) : JSON.parse(data.toString())) as WireMessage);
      this.#wake();
    });
    socket.on('close', (code) => {
      this.closeCode = code;
      this.#wake();
    });
    socket.on('error', () => {});
  }

  /** Opens `/v1/stream` and waits for the hello. */
  static async open(collector: CollectorProcess, query = '', key = testKey): Promise<WireClient> {
    const socket = new WebSocket(`${collector.streamUrl}${query}`, { headers: { authorization: `Bearer ${key}` } });
    onTestFinished(() => socket.terminate());
    const client = new WireClient(socket);
    await client.until((messages) => messages.length > 0);
    return client;
  }

  sendPacked(value: unknown): void {
    this.#socket.send(pack(value));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#socket.send(bytes);
  }

  sendText(text: string): void {
    this.#socket.send(text);
  }

  close(): void {
    this.#socket.close();
  }

  /** Waits until `done` holds of what was received, or the connection is closed. */
  async until(done: (messages: readonly WireMessage[]) => boolean): Promise<void> {
    while (!done(this.received) && this.closeCode === null) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async untilAck(seq: number): Promise<void> {
    await this.until((messages) => messages.some((message) => message.op === 'ack' && (message.seq ?? 0) >= seq));
  }

  async untilClosed(): Promise<void> {
    while (this.closeCode === null) await this.until(() => false);
  }

  ops(): string[] {
    return this.received.map(({ op, seq, code }) => [op, seq ?? code].filter((part) => part !== undefined).join(' '));
  }
}
