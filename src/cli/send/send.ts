import { createReadStream, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { holdingClock } from '../../core/clock.js';
import { errorMessage } from '../../core/errors.js';
import { silentProgress } from '../../core/progress.js';
import { ApiClient } from '../frame/api-client.js';
import type { CollectorAddress } from '../frame/collector-address.js';
import type { CommandContext } from '../frame/command.js';
import { CommandError, misused } from '../frame/command-error.js';
import { type ExitCode, exitCodes } from '../frame/exit-codes.js';
import type { Output } from '../frame/output.js';
import { printable } from '../frame/printable-text.js';
import { createBarProgress, ProgressBars } from '../progress-bar.js';
import { type EventFormat, readEvents } from './event-source.js';
import { type NamedRejection, type SendResult, sendEvents } from './sender.js';

interface SendOptions extends CollectorAddress {
  /** Null, and `-`: standard input. */
  readonly file: string | null;
  readonly format: EventFormat;
  readonly json: boolean;
}

/** Rejections told one by one, and kept for `--json`. */
const namedMax = 1_000;

/** Exit code 0: every event is acknowledged and none was rejected. */
export async function runSend(context: CommandContext, options: SendOptions): Promise<ExitCode> {
  const signal = context.interruption();
  const source = openSource(context, options.file);
  signal.addEventListener('abort', () => source.stream.destroy(), { once: true });
  // Before the first byte is read: a client that finds no collector tries for ever.
  await mustAnswer(options);
  const rejections = new RejectionList(context.err, options.json);
  const bars = context.err.isTerminal ? new ProgressBars(context.err.stream) : null;
  const progress = bars === null ? silentProgress : createBarProgress({ clock: holdingClock, bars });
  const unit = source.bytes === null ? 'events' : 'MiB';
  const task = progress.begin({ what: 'sending', unit, total: source.bytes === null ? null : mebibytes(source.bytes) });
  let bytesRead = 0;
  const bytes = counted(source.stream, (count) => {
    bytesRead += count;
  });
  const result = await sendEvents(
    { clock: holdingClock, events: readEvents(bytes, { format: options.format, name: source.name }), signal },
    {
      ...options,
      onRejection: (rejection) => rejections.add(rejection, bars),
      onTrouble: (error) => lineAbove(context.err, bars, `${printable(error.message)}; it is tried again`),
      onProgress: ({ acknowledged, rejected, settled }) => {
        // The client holds some of what was read: that is not done.
        task.advance(source.bytes === null ? acknowledged : mebibytes(bytesRead * settled));
        task.note(
          `${acknowledged.toLocaleString('en-US')} acknowledged${rejected > 0 ? `, ${rejected} rejected` : ''}`,
        );
      },
    },
  ).finally(() => task.end());
  rejections.end();
  tell(context.out, options.json, result, rejections.named);
  return exitCodeOf(result, signal);
}

/** One whose spool is full answers 503, and takes events again later. */
async function mustAnswer(address: CollectorAddress): Promise<void> {
  try {
    await new ApiClient(address).get('/health', {});
  } catch (error) {
    if (error instanceof CommandError && error.exitCode === exitCodes.unreachable) throw error;
  }
}

interface EventStream {
  readonly stream: Readable;
  readonly name: string;
  /** Null when nobody knows. */
  readonly bytes: number | null;
}

function openSource({ stdin, err }: CommandContext, file: string | null): EventStream {
  if (file === null || file === '-') {
    if (stdin.isTTY) err.line('tidemark: reading events from the terminal, a JSON object a line; Ctrl-D ends them');
    return { stream: stdin, name: '', bytes: null };
  }
  try {
    const stats = statSync(file);
    if (stats.isDirectory()) throw misused(`cannot read ${file}: it is a directory`);
    return { stream: createReadStream(file), name: file, bytes: stats.isFile() ? stats.size : null };
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw misused(`cannot read ${file}: ${errorMessage(error)}`);
  }
}

async function* counted(
  stream: AsyncIterable<Uint8Array>,
  onBytes: (count: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    onBytes(chunk.length);
    yield chunk;
  }
}

/** To a tenth. */
function mebibytes(bytes: number): number {
  return Math.round((bytes / 1_048_576) * 10) / 10;
}

/** Tells rejections as they come, up to a number; what was kept all the same, once a field. */
class RejectionList {
  readonly named: NamedRejection[] = [];
  readonly #err: Output;
  readonly #isSilent: boolean;
  readonly #ignored = new Set<string>();
  #unnamed = 0;

  constructor(err: Output, isSilent: boolean) {
    this.#err = err;
    this.#isSilent = isSilent;
  }

  add(rejection: NamedRejection, bars: ProgressBars | null): void {
    const { index, code, field, message, kept } = rejection;
    if (kept) {
      const said = `${code} ${field}`;
      if (this.#ignored.has(said) || this.#ignored.size >= namedMax) return;
      this.#ignored.add(said);
    } else if (this.named.length >= namedMax) {
      this.#unnamed += 1;
      return;
    } else {
      this.named.push(rejection);
    }
    if (this.#isSilent) return;
    const at = field === '' ? '' : ` ${printable(field)}`;
    const fate = kept ? 'kept' : 'rejected';
    lineAbove(this.#err, bars, `event ${index}: ${fate}, ${code}${at}: ${printable(message)}`);
  }

  end(): void {
    if (this.#unnamed > 0 && !this.#isSilent) this.#err.line(`${this.#unnamed} more events were rejected`);
  }
}

function lineAbove(err: Output, bars: ProgressBars | null, line: string): void {
  bars?.hide();
  err.line(line);
}

function tell(out: Output, json: boolean, result: SendResult, rejections: readonly NamedRejection[]): void {
  const { read, acknowledged, rejected, unacknowledged } = result;
  if (json) {
    const named = rejections.map(({ kept: _kept, ...rejection }) => rejection);
    out.json({ events: read, acknowledged, rejected, unacknowledged, rejections: named });
    return;
  }
  const count = (value: number) => value.toLocaleString('en-US');
  const left = unacknowledged === 0 ? '' : `, ${count(unacknowledged)} not acknowledged`;
  out.line(`${count(read)} events: ${count(acknowledged)} acknowledged, ${count(rejected)} rejected${left}`);
}

function exitCodeOf({ rejected, unacknowledged, failure }: SendResult, signal: AbortSignal): ExitCode {
  if (failure !== null) {
    const isRefused =
      failure.code === 'key_invalid' || failure.code === 'key_missing' || failure.code === 'scope_missing';
    throw new CommandError(isRefused ? exitCodes.refused : exitCodes.failed, printable(failure.message));
  }
  if (signal.aborted) return exitCodes.interrupted;
  return rejected > 0 || unacknowledged > 0 ? exitCodes.failed : exitCodes.done;
}
