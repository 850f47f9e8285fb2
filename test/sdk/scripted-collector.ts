import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { packMessage, unpackMessage } from '../../src/core/msgpack.js';

export interface ReceivedFrame {
  readonly seq: number;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** One connection of a client, as the far side sees it. */
export interface Peer {
  readonly number: number;
  readonly producer: string;
  readonly authorization: string;
  say(message: object): void;
  close(code: number): void;
  /** Cuts the connection without a close frame. */
  cut(): void;
  /** Reads nothing any more, so that not even a ping is answered. */
  pause(): void;
}

export interface Script {
  /** Default: says hello with `last_seq` 0 and credit 8. */
  opened?(peer: Peer): void;
  received(peer: Peer, frame: ReceivedFrame, bytes: Uint8Array): void;
}

export const hello = { op: 'hello', producer: 'p', last_seq: 0, credit: 8, max_frame_bytes: 1_048_576 } as const;

/** A real WebSocket server that answers as the test says, so that it can misbehave in ways the product must not. */
export async function scriptedCollector(script: Script): Promise<{ readonly url: string; readonly peers: Peer[] }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  const peers: Peer[] = [];
  server.on('connection', (socket: WebSocket, request) => {
    const query = new URL(request.url ?? '/', 'ws://localhost').searchParams;
    const peer: Peer = {
      number: peers.length + 1,
      producer: query.get('producer') ?? '',
      authorization: request.headers.authorization ?? '',
      say: (message) => socket.send(packMessage(message), { binary: true }),
      close: (code) => socket.close(code),
      cut: () => socket.terminate(),
      pause: () => socket.pause(),
    };
    peers.push(peer);
    socket.on('message', (data: Buffer) => script.received(peer, unpackMessage(data) as ReceivedFrame, data));
    if (script.opened === undefined) peer.say(hello);
    else script.opened(peer);
  });
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        for (const socket of server.clients) socket.terminate();
        server.close(() => resolve());
      }),
  );
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, peers };
}

/** What the collector would count: every frame number once, its first column `event_id` per row. */
export class Ledger {
  readonly #byProducer = new Map<string, Map<number, readonly string[]>>();
  duplicates = 0;

  add(peer: Peer, frame: ReceivedFrame): void {
    const frames = this.#byProducer.get(peer.producer) ?? new Map<number, readonly string[]>();
    this.#byProducer.set(peer.producer, frames);
    if (frames.has(frame.seq)) this.duplicates += 1;
    const index = frame.columns.indexOf('event_id');
    frames.set(
      frame.seq,
      frame.rows.map((row) => String(row[index])),
    );
  }

  eventIds(): string[] {
    return [...this.#byProducer.values()].flatMap((frames) => [...frames.values()].flat()).sort();
  }
}
