import type { Readable } from 'node:stream';
import type { Clock } from '../core/clock.js';
import { CollectorError } from '../core/errors.js';
import type { ExportFormat, StoreExporter } from '../core/ports/store-exporter.js';
import type { StoreQuery } from '../core/ports/store-reader.js';
import type { ReadLimits } from '../core/read-limits.js';
import { Deadline } from './deadline.js';
import { readError } from './read-error.js';
import { ReadGate } from './read-gate.js';
import type { StoreSettings } from './store-writer.js';

type ExportLimits = Pick<ReadLimits, 'exportsMax' | 'exportTimeoutMs' | 'exportMemoryBytesMax'>;

/** Sends a statement with the reader's account and resolves with the answer's headers and its body as it comes. */
export type RawQuery = (query: {
  readonly sql: string;
  readonly params: StoreQuery['params'];
  readonly settings: StoreSettings;
  readonly signal: AbortSignal;
}) => Promise<{ readonly stream: Readable; readonly headers: Readonly<Record<string, unknown>> }>;

/**
 * Exports over ClickHouse's HTTP interface. They have a gate and sockets of their own, so that a slow download never
 * stands before a read; one beyond the limit is refused and does not wait: a place may take an hour to come free.
 */
export class StoreExports implements StoreExporter {
  readonly #clock: Clock;
  readonly #limits: ExportLimits;
  readonly #send: RawQuery;
  readonly #gate: ReadGate;

  constructor(clock: Clock, limits: ExportLimits, send: RawQuery) {
    this.#clock = clock;
    this.#limits = limits;
    this.#send = send;
    const concurrencyMax = limits.exportsMax;
    this.#gate = new ReadGate({
      concurrencyMax,
      tenantConcurrencyMax: concurrencyMax,
      waitingMax: 0,
      tenantWaitingMax: 0,
    });
  }

  get running(): number {
    return this.#gate.running;
  }

  export(query: StoreQuery & { readonly format: ExportFormat }): Promise<AsyncIterable<Uint8Array>> {
    const deadline = new Deadline(this.#clock, this.#limits.exportTimeoutMs, query.signal);
    return new Promise((resolve, reject) => {
      this.#gate
        .run(String(query.params.tenant ?? ''), deadline.signal, async () => {
          const body = await this.#open(query, deadline);
          resolve(body);
          await body.ended;
        })
        .catch((error: unknown) => reject(readError(query.name, error, deadline)))
        .finally(() => deadline.end());
    });
  }

  async #open(query: StoreQuery & { readonly format: ExportFormat }, deadline: Deadline): Promise<ExportBody> {
    const { format, settings } = formats[query.format];
    const { stream, headers } = await this.#send({
      sql: `${query.sql}\nFORMAT ${format}`,
      params: query.params,
      settings: { ...settings, ...exportSettings(this.#limits) },
      signal: deadline.signal,
    });
    const tag = headers['x-clickhouse-exception-tag'];
    const failed = (error: unknown) => readError(query.name, error, deadline);
    const body = new ExportBody(stream, { failed, exceptionTag: typeof tag === 'string' ? tag : null });
    const giveUp = () => stream.destroy(new Error('given up'));
    deadline.signal.addEventListener('abort', giveUp, { once: true });
    void body.ended.then(() => deadline.signal.removeEventListener('abort', giveUp));
    if (deadline.signal.aborted) giveUp();
    await body.begin();
    return body;
  }
}

/**
 * `wait_end_of_query=0`: the embedded engine streams only when it is asked to, a server does so anyway. Grouping in the
 * order of the key holds one agent's day in place of all of them; it reads every part of the range at once, and the
 * small blocks bound that: 57 parts whose rows carry two digests of 8 KiB each took 2.4 GB in blocks of 65,409 rows,
 * under 0.5 GB in blocks of 256. One thread keeps the order of the key without a sort, and leaves the other cores
 * to ingest.
 */
function exportSettings(limits: ExportLimits): StoreSettings {
  return {
    wait_end_of_query: 0,
    optimize_aggregation_in_order: 1,
    max_threads: 1,
    max_block_size: 256,
    max_execution_time: limits.exportTimeoutMs / 1_000,
    max_memory_usage: String(limits.exportMemoryBytesMax),
    // An export nobody reads is stopped.
    cancel_http_readonly_queries_on_client_close: 1,
  };
}

const jsonSettings: StoreSettings = {
  date_time_output_format: 'iso',
  output_format_json_quote_64bit_integers: 0,
  output_format_json_quote_denormals: 0,
};

/**
 * A null in CSV is an empty value, as spreadsheets and data frames read it, and not ClickHouse's own mark. Parquet
 * would hold a million rows before it writes the first, and a date as the number of its day.
 */
const formats: Readonly<Record<ExportFormat, { readonly format: string; readonly settings: StoreSettings }>> = {
  csv: { format: 'CSVWithNames', settings: { date_time_output_format: 'iso', format_csv_null_representation: '' } },
  json: { format: 'JSONEachRow', settings: { ...jsonSettings, output_format_json_array_of_rows: 1 } },
  ndjson: { format: 'JSONEachRow', settings: { ...jsonSettings, output_format_json_array_of_rows: 0 } },
  parquet: {
    format: 'Parquet',
    settings: { output_format_parquet_row_group_size: 100_000, output_format_parquet_date_as_uint16: 0 },
  },
};

interface BodyOptions {
  readonly failed: (error: unknown) => CollectorError;
  readonly exceptionTag: string | null;
}

/** The bytes of an export, read once. `return` works before the first `next`, too. */
class ExportBody implements AsyncIterableIterator<Uint8Array> {
  /** When nothing more will be read, whatever the reason. */
  readonly ended: Promise<void>;
  readonly #stream: Readable;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #options: BodyOptions;
  #first: IteratorResult<Buffer> | null = null;
  #tail = '';

  constructor(stream: Readable, options: BodyOptions) {
    this.#stream = stream;
    this.#chunks = stream[Symbol.asyncIterator]();
    this.#options = options;
    this.ended = new Promise((resolve) => stream.once('close', resolve));
    // Whoever reads is told; nobody may be reading any more.
    stream.on('error', () => undefined);
  }

  /** Waits for the first bytes. */
  async begin(): Promise<void> {
    this.#first = await this.#read();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const first = this.#first;
    this.#first = null;
    return first ?? (await this.#read());
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#stream.destroy();
    return { done: true, value: undefined };
  }

  async #read(): Promise<IteratorResult<Buffer>> {
    try {
      const next = await this.#chunks.next();
      if (next.done === true) this.#checkEnd();
      else if (this.#options.exceptionTag !== null) {
        this.#tail = (this.#tail + next.value.toString('latin1', Math.max(0, next.value.length - tailMax))).slice(
          -tailMax,
        );
      }
      return next;
    } catch (error) {
      this.#stream.destroy();
      throw this.#options.failed(error);
    }
  }

  /** A server (25.11 and newer) ends the answer of a statement that failed midway with a block of this form. */
  #checkEnd(): void {
    const { exceptionTag } = this.#options;
    if (exceptionTag === null || !this.#tail.trimEnd().endsWith(`${exceptionTag}\r\n__exception__`)) return;
    throw new CollectorError('store_unavailable', 'cannot finish the export: the statement failed midway');
  }
}

const tailMax = 128;
