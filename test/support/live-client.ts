import { connect } from 'node:net';
import { onTestFinished } from 'vitest';
import WebSocket from 'ws';
import type { CollectorProcess } from './collector-process.js';
import { testKey } from './collector-process.js';

export interface LiveRunItem {
  readonly run_id: string;
  readonly agent_ids: readonly string[];
  readonly status: string;
  readonly events: number;
  readonly tasks: Readonly<Record<string, number>>;
  readonly steps: Readonly<Record<string, number>>;
  readonly tokens: { readonly in: number; readonly out: number; readonly total: number };
}

export interface LiveText {
  readonly op: string;
  readonly seq?: number;
  readonly code?: string;
  readonly count?: number;
  readonly events?: readonly Readonly<Record<string, unknown>>[];
  readonly runs?: readonly LiveRunItem[];
  readonly runs_total?: number;
  readonly tasks?: readonly Readonly<Record<string, unknown>>[];
  readonly tasks_total?: number;
}

/** A live subscription over WebSocket: what was received, in order, and how it was closed. */
export class LiveClient {
  readonly #socket: WebSocket;
  readonly received: LiveText[] = [];
  closeCode: number | null = null;
  #wake: () => void = () => {};

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      this.received.push(JSON.parse(data.toString()) as LiveText);
      this.#wake();
    });
    socket.on('close', (code) => {
      this.closeCode = code;
      this.#wake();
    });
    socket.on('error', () => {});
  }

  /** Waits for the snapshot, or for the refusal. */
  static async open(collector: CollectorProcess, query = '', key = testKey): Promise<LiveClient> {
    const url = `${collector.url.replace('http', 'ws')}/api/v1/live${query}`;
    const socket = new WebSocket(url, ['tidemark.v1', `tidemark.key.${key}`]);
    onTestFinished(() => socket.terminate());
    const client = new LiveClient(socket);
    await client.until(() => client.received.some(({ op }) => op === 'snapshot'));
    return client;
  }

  async until(done: () => boolean): Promise<void> {
    while (!done() && this.closeCode === null) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  events(): Readonly<Record<string, unknown>>[] {
    return this.received.flatMap(({ events }) => events ?? []);
  }

  /** The latest state of each run, from the snapshot and the progress. */
  runs(): Map<string, LiveRunItem> {
    return new Map(this.received.flatMap(({ runs }) => runs ?? []).map((run) => [run.run_id, run]));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.terminate();
  }
}

/** Sends events over HTTP and waits until they are durable. */
export async function sendEvents(collector: CollectorProcess, events: readonly object[], key = testKey): Promise<void> {
  const response = await fetch(`${collector.url}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(events),
  });
  if (response.status !== 202) throw new Error(`events were answered ${response.status}: ${await response.text()}`);
}

/** An HTTP request whose answer is read only when it is asked for: its text so far. */
export function openStream(collector: CollectorProcess, path: string): { text(): string; close(): void } {
  const { hostname, port } = new URL(collector.url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  let text = '';
  socket.on('data', (data) => {
    text += data.toString();
  });
  socket.on('error', () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${testKey}\r\n\r\n`);
  return { text: () => text, close: () => socket.destroy() };
}
