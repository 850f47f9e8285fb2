import { Worker } from 'node:worker_threads';

/**
 * Looks on from a thread of its own: an input that is not done in time is written to `path`, and the process is killed.
 * The thread that works only writes to shared memory.
 */
export class HangWatch {
  readonly #state: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #worker: Worker;

  constructor(options: { readonly path: string; readonly bytesMax: number; readonly msMax: number }) {
    const { bytesMax, path, msMax } = options;
    this.#state = new Int32Array(new SharedArrayBuffer(8));
    this.#bytes = new Uint8Array(new SharedArrayBuffer(bytesMax));
    const workerData: WatchedWork = { state: this.#state, bytes: this.#bytes, path, msMax };
    this.#worker = new Worker(new URL('./hang-watch-thread.js', import.meta.url), { workerData });
    this.#worker.unref();
  }

  begin(input: Uint8Array): void {
    this.#bytes.set(input.subarray(0, this.#bytes.length));
    this.#state[1] = Math.min(input.length, this.#bytes.length);
    Atomics.add(this.#state, 0, 1);
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

export interface WatchedWork {
  /** How many inputs were begun, and the length of the last. */
  readonly state: Int32Array;
  readonly bytes: Uint8Array;
  readonly path: string;
  readonly msMax: number;
}
