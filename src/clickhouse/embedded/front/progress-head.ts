import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { StatementProgress } from '../chdb-engine.js';
import type { ProgressListener } from '../statements/statement-progress.js';
import { progressOf, progressSummary } from './statement-summary.js';

/**
 * `send_progress_in_http_headers=1`, as a server does it: the status line goes out while the statement runs, and a line
 * of the head each time that it is told how far it is:
 *
 *     HTTP/1.1 200 OK\r\n
 *     X-ClickHouse-Progress: {"read_rows":"2","read_bytes":"16","total_rows_to_read":"20","elapsed_ns":"100"}\r\n
 *     ...
 *
 * The rest of the head follows as Node writes it, without its status line. So a statement that fails later has status
 * 200, and `X-ClickHouse-Exception-Code` in its head. Of one that is done before the first look nothing is sent.
 */
export class ProgressHead implements ProgressListener {
  readonly intervalMs: number;
  readonly #response: ServerResponse;
  #bytes = 0;
  #write: ((text: string) => void) | null = null;
  #seen: StatementProgress | null = null;

  constructor(response: ServerResponse, intervalMs: number) {
    this.#response = response;
    this.intervalMs = intervalMs;
  }

  /** The last that it was told; null for nothing. */
  get seen(): StatementProgress | null {
    return this.#seen;
  }

  tell(progress: StatementProgress): boolean {
    const { socket, headersSent } = this.#response;
    // Without a socket an answer before it is not sent yet.
    if (headersSent || socket === null || socket.destroyed) return false;
    const line = `X-ClickHouse-Progress: ${JSON.stringify(progressOf(progress))}\r\n`;
    if (this.#bytes + line.length > headBytesMax) return false;
    this.#write ??= this.#begin(socket);
    this.#write(line);
    this.#bytes += line.length;
    this.#response.setHeader('X-ClickHouse-Summary', progressSummary(progress));
    this.#seen = progress;
    return true;
  }

  /** Returns what writes on. Node's next is the whole head in one piece, whose first line has gone out. */
  #begin(socket: Socket): (text: string) => void {
    const { write } = socket;
    const rest = (chunk: string | Uint8Array, ...how: unknown[]) => {
      socket.write = write;
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encodingOf(how)) : Buffer.from(chunk);
      const end = bytes.indexOf('\r\n');
      if (end === -1 || bytes.toString('latin1', 0, 5) !== 'HTTP/') return socket.destroy();
      const callbacks = how.filter((one) => typeof one === 'function');
      return Reflect.apply(write, socket, [bytes.subarray(end + 2), ...callbacks]);
    };
    write.call(socket, 'HTTP/1.1 200 OK\r\n');
    socket.write = rest as Socket['write'];
    return (text) => void write.call(socket, text);
  }
}

function encodingOf([first]: readonly unknown[]): BufferEncoding {
  return typeof first === 'string' ? (first as BufferEncoding) : 'utf8';
}

/** As long as the head of a request may be; beyond it the rest is not told. Many clients take much less. */
const headBytesMax = 1_048_576;
