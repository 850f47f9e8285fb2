import { CollectorError } from '../../core/errors.js';
import type { ExportInstruments } from '../../core/instruments.js';
import type { ExportFormat } from '../../core/ports/store-exporter.js';

/**
 * Counts one export: started, its bytes, and once how it ended. Whoever writes the answer iterates it to its end, or
 * gives up: because the client has gone, which aborts `signal`, or because it took nothing for too long.
 */
export class CountedExport {
  readonly #instruments: ExportInstruments;
  readonly #format: ExportFormat;
  readonly #signal: AbortSignal;
  #ended = false;
  readonly #onAbort = () => this.#end('client_gone');

  constructor(
    instruments: ExportInstruments,
    { format, signal }: { readonly format: ExportFormat; readonly signal: AbortSignal },
  ) {
    this.#instruments = instruments;
    this.#format = format;
    this.#signal = signal;
    instruments.started.inc({ format });
    // The answer of a client that has gone is not even begun.
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  async of(body: Promise<AsyncIterable<Uint8Array>>): Promise<AsyncIterable<Uint8Array>> {
    try {
      return this.#count(await body);
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  async *#count(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of body) {
        yield chunk;
        this.#instruments.bytes.inc(chunk.byteLength);
      }
      this.#end(null);
    } catch (error) {
      this.#fail(error);
      throw error;
    } finally {
      this.#end('client_stalled');
    }
  }

  #fail(error: unknown): void {
    this.#end(error instanceof CollectorError ? error.code : 'internal');
  }

  /** Only the first call counts. */
  #end(failure: string | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#signal.removeEventListener('abort', this.#onAbort);
    if (failure === null) this.#instruments.finished.inc({ format: this.#format });
    else this.#instruments.failed.inc({ reason: failure });
  }
}
