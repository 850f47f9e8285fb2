import { createWriteStream } from 'node:fs';
import { link, rm, stat } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { holdingClock } from '../core/clock.js';
import { errorMessage } from '../core/errors.js';
import type { ApiClient } from './frame/api-client.js';
import type { CommandContext } from './frame/command.js';
import { CommandError, misused } from './frame/command-error.js';
import { type ExitCode, exitCodes } from './frame/exit-codes.js';
import type { Output } from './frame/output.js';

interface ExportOptions {
  readonly format: 'csv' | 'json' | 'ndjson' | 'parquet';
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly agent: string | undefined;
  readonly output: string | undefined;
  /** Of the report; the rows are in the format. */
  readonly json: boolean;
}

/** Daily rows as they come, with what has come on stderr. A file has its name once it is whole. */
export async function exportDays(context: CommandContext, api: ApiClient, options: ExportOptions): Promise<ExitCode> {
  const { out, err } = context;
  const { format, from, to, agent, output } = options;
  if (output === undefined && format === 'parquet' && out.isTerminal) {
    throw misused('cannot write parquet to a terminal: give --output, or a pipe');
  }
  if (output !== undefined) await mustBeFree(output);
  const signal = context.interruption();
  const query = { format, from, to, agent_id: agent };
  const response = await api.stream('/api/v1/metrics/export', { query, signal });
  // Typed as that of a browser; Node's is the same.
  const body = Readable.fromWeb(response.body as ReadableStream<Uint8Array>);
  const progress = new ByteProgress(output === undefined && out.isTerminal ? null : err);
  const partial = output === undefined ? null : `${output}.partial`;
  try {
    if (partial === null) await pipeline(body, progress.counting(), out.stream, { end: false, signal });
    else await pipeline(body, progress.counting(), createWriteStream(partial, { flags: 'wx' }), { signal });
    if (partial !== null && output !== undefined) await named(partial, output);
  } catch (error) {
    if (partial !== null) await rm(partial, { force: true });
    if (signal.aborted) return exitCodes.interrupted;
    throw failure(error, output);
  } finally {
    progress.end();
  }
  if (options.json && output !== undefined) out.json({ path: output, bytes: progress.bytes, format });
  return exitCodes.done;
}

async function mustBeFree(path: string): Promise<void> {
  for (const each of [path, `${path}.partial`]) {
    const found = await stat(each).catch(() => null);
    if (found !== null) throw misused(`cannot write ${each}: it exists`);
  }
}

/** A link fails where a rename would write over a file that came meanwhile. */
async function named(partial: string, path: string): Promise<void> {
  await link(partial, path);
  await rm(partial);
}

function failure(error: unknown, output: string | undefined): CommandError {
  const where = output === undefined ? '' : ` to ${output}`;
  const message = `cannot export${where}: ${errorMessage(error)}; nothing is resumed, ask again`;
  return new CommandError(exitCodes.failed, message, { cause: error });
}

const tellIntervalMs = 500;

/** How much came and how fast, written over itself on a terminal; elsewhere one line at the end. */
class ByteProgress {
  bytes = 0;
  readonly #err: Output | null;
  readonly #startedMs = holdingClock.monotonicMs();
  #toldMs = 0;

  constructor(err: Output | null) {
    this.#err = err;
  }

  counting(): Transform {
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        this.bytes += chunk.length;
        this.#tell();
        done(null, chunk);
      },
    });
  }

  end(): void {
    const err = this.#err;
    if (err === null) return;
    err.line(err.isTerminal ? `\r${this.#text()}   ` : this.#text());
  }

  #tell(): void {
    const nowMs = holdingClock.monotonicMs();
    if (this.#err?.isTerminal !== true || nowMs - this.#toldMs < tellIntervalMs) return;
    this.#toldMs = nowMs;
    this.#err.write(`\r${this.#text()}   `);
  }

  #text(): string {
    const seconds = Math.max(0.001, (holdingClock.monotonicMs() - this.#startedMs) / 1_000);
    return `${size(this.bytes)} in ${seconds.toFixed(1)} s, ${size(this.bytes / seconds)}/s`;
  }
}

function size(bytes: number): string {
  if (bytes < 1_000) return `${Math.round(bytes)} B`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
