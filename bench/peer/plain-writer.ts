import { createClient } from '@clickhouse/client';
import { type WebSocket, WebSocketServer } from 'ws';
import { packMessage, unpackMessage } from '../../src/core/msgpack.js';

/**
 * What a team writes itself in an afternoon, as a process of its own: MessagePack over WebSockets, rows as JSON to
 * ClickHouse in batches, and an ack when the batch is in. No disk, no deduplication, no rollups.
 *
 * Its argument is JSON: `{port, url, username, password, database, table}`.
 */
interface Options {
  readonly port: number;
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly database: string;
  readonly table: string;
}

const rowsMax = 50_000;
const ageMsMax = 200;
const credit = 64;

interface Frame {
  readonly seq: number;
  readonly events: readonly Record<string, unknown>[];
}

class Batches {
  readonly #insert: (rows: readonly unknown[]) => Promise<void>;
  #rows: unknown[] = [];
  #seqs = new Map<WebSocket, number>();
  #inserting: Promise<void> = Promise.resolve();

  constructor(insert: (rows: readonly unknown[]) => Promise<void>) {
    this.#insert = insert;
  }

  add(socket: WebSocket, { seq, events }: Frame): void {
    for (const event of events) this.#rows.push(event);
    this.#seqs.set(socket, seq);
    if (this.#rows.length >= rowsMax) this.flush();
  }

  flush(): void {
    if (this.#rows.length === 0) return;
    const rows = this.#rows;
    const seqs = this.#seqs;
    this.#rows = [];
    this.#seqs = new Map();
    this.#inserting = this.#inserting.then(async () => {
      await this.#insert(rows);
      for (const [socket, seq] of seqs) socket.send(packMessage({ op: 'ack', seq }));
    });
  }
}

const { port, table, ...access } = JSON.parse(process.argv[2] ?? '{}') as Options;
const client = createClient({
  ...access,
  clickhouse_settings: { async_insert: 0, date_time_input_format: 'best_effort' },
});
const batches = new Batches(async (values) => {
  await client.insert({ table, values, format: 'JSONEachRow' });
});
setInterval(() => batches.flush(), ageMsMax);

const server = new WebSocketServer({ port, host: '127.0.0.1', perMessageDeflate: false, maxPayload: 16_777_216 });
server.on('connection', (socket) => {
  socket.on('message', (data) => batches.add(socket, unpackMessage(data as Buffer) as Frame));
  socket.send(packMessage({ op: 'hello', producer: 'p', last_seq: 0, credit, max_frame_bytes: 1_048_576 }));
});
server.once('listening', () => process.send?.('listening'));
