import { execFile } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { promisify } from 'node:util';

/**
 * A named pipe the engine writes a result into while it makes it, `INTO OUTFILE '<path>'`.
 *
 * Both ends are opened here before the engine opens its own: an open that waits for the other side would hold a
 * thread of libuv's pool, and a reader whose only writer has not come yet reads the end. So the end comes when
 * `endWriting` was called, the engine has closed its side, and all is read. The pipe holds 64 KiB; what the reader does
 * not take holds the engine back. Reading needs no thread: the pipe is polled like a socket.
 *
 * Measured with chdb 3.4.0: the engine takes no notice of a reader that has gone. It goes on to the end of the query,
 * and reports success; whoever stops reading must cancel the query. A query that fails midway still gets the footer of
 * its format.
 */
export class ResultPipe {
  readonly path: string;
  readonly #reader: Socket;
  #writer: number | null;
  /** Reads when nobody else does any more. */
  #drain: Socket | null = null;

  private constructor(path: string) {
    this.path = path;
    this.#reader = openReader(path);
    this.#writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  }

  /**
   * Node can open a pipe, not make one; the command takes 4 ms, so the pipe of a finished query serves the next. At
   * `path` is such a pipe, or nothing.
   */
  static async open(path: string): Promise<ResultPipe> {
    if (!existsSync(path)) await run('mkfifo', ['-m', '600', path], { env: { PATH: '/usr/bin:/bin' } });
    return new ResultPipe(path);
  }

  /** What was written, in chunks of at most 64 KiB. Throws when the pipe is destroyed before the end. */
  chunks(): AsyncIterable<Buffer> {
    return this.#reader;
  }

  /** The engine is done: after what it wrote comes the end. */
  endWriting(): void {
    if (this.#writer !== null) closeSync(this.#writer);
    this.#writer = null;
  }

  /**
   * Ends the reading. What the engine still writes is dropped, until it has heard that it should stop: an engine that
   * is about to open the pipe would else wait for a reader for ever, and if the pipe were gone, write a file.
   */
  abandon(): void {
    if (this.#writer !== null) this.#drain ??= openReader(this.path).resume();
    this.#reader.destroy();
  }

  /** Only when the engine is done. The pipe stays for the next query; one that was given up may hold bytes: it goes. */
  close(): void {
    const isClean = this.#drain === null && this.#reader.readableEnded;
    this.endWriting();
    this.#reader.destroy();
    this.#drain?.destroy();
    if (!isClean) rmSync(this.path, { force: true });
  }
}

function openReader(path: string): Socket {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  // Whoever reads is told of an error; nobody may be reading.
  return new Socket({ fd, readable: true, writable: false }).on('error', () => undefined);
}

const run = promisify(execFile);
