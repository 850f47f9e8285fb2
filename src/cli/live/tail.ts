import { once } from 'node:events';
import { holdingClock } from '../../core/clock.js';
import { ApiClient, type LiveFilter } from '../frame/api-client.js';
import type { CollectorAddress } from '../frame/collector-address.js';
import type { CommandContext } from '../frame/command.js';
import { type ExitCode, exitCodes } from '../frame/exit-codes.js';
import type { Output } from '../frame/output.js';
import { printable } from '../frame/printable-text.js';
import { statusStyle } from '../frame/status-style.js';
import { fitted, widthOf } from '../frame/text-width.js';
import { cost, count, duration } from '../frame/told-values.js';
import { followEvents, type LiveEvent } from './event-stream.js';

interface TailOptions extends CollectorAddress {
  readonly filter: LiveFilter;
  /** Ends after so many events; absent: never. */
  readonly count: number | undefined;
  readonly json: boolean;
}

/** Ends by an interrupt, or after so many events. */
export async function runTail(context: CommandContext, options: TailOptions): Promise<ExitCode> {
  const { out, err } = context;
  const stop = new AbortController();
  const signal = AbortSignal.any([context.interruption(), stop.signal]);
  let left = options.count ?? Number.POSITIVE_INFINITY;
  let isLost = false;
  for await (const item of followEvents({ api: new ApiClient(options), clock: holdingClock, signal }, options.filter)) {
    if (item.op === 'connected') {
      if (isLost) err.line('tidemark: connected again; what happened meanwhile was not heard');
      else if (err.isTerminal && !options.json) err.line(err.paint('dim', 'waiting for events; Ctrl-C ends it'));
      isLost = false;
    } else if (item.op === 'lost') {
      if (!isLost) err.line(`tidemark: the connection is lost: ${printable(item.cause)}; it is tried again`);
      isLost = true;
    } else if (item.op === 'dropped') {
      err.line(`tidemark: ${item.count} events are not shown: they came faster than they are read here`);
    } else {
      const shown = item.events.slice(0, left);
      const lines = shown.map((event) => (options.json ? JSON.stringify(event) : eventLine(event, out)));
      // Whoever reads slowly is waited for: the collector drops what is too much, and says so.
      if (!out.stream.write(`${lines.join('\n')}\n`)) await once(out.stream, 'drain');
      left -= shown.length;
      if (left > 0) continue;
      stop.abort();
      return exitCodes.done;
    }
  }
  return exitCodes.interrupted;
}

/**
 * `12:03:04.123  task.failed     scout  search  1.20 s  tool TIMEOUT  what was said  r1 t1`, as wide as the terminal:
 * what tells most comes first, because a narrow one cuts the end.
 */
function eventLine(event: LiveEvent, out: Pick<Output, 'columns' | 'paint'>): string {
  const text = (name: string): string => {
    const value = event[name];
    return value === undefined || value === null ? '' : printable(String(value));
  };
  const number = (name: string): number | null => (typeof event[name] === 'number' ? event[name] : null);
  const ids = ['run_id', 'task_id', 'step_id'].map(text).filter((id) => id !== '');
  const attempt = number('attempt');
  const tokens = (number('tokens_in') ?? 0) + (number('tokens_out') ?? 0);
  const costMicros = number('cost_micros');
  const details = [
    text('name'),
    attempt !== null && attempt > 1 ? `attempt ${attempt}` : '',
    number('duration_ms') === null ? '' : duration(number('duration_ms')),
    [text('error_category'), text('error_code')].filter((part) => part !== '').join(' '),
    text('error_message') || text('message'),
    text('model') === text('name') ? '' : text('model'),
    tokens === 0 ? '' : `${count(tokens)} tokens`,
    costMicros === null ? '' : cost(costMicros / 10_000),
    ids.join(' '),
  ].filter((part) => part !== '');
  const time = clockTime(text('ts') || text('received'));
  const type = fitted(printable(event.type), typeColumns);
  const status = statusStyle(/\.(started)$/.test(event.type) ? 'running' : (event.type.split('.')[1] ?? ''));
  const rest = [printable(event.agent_id), ...details].join('  ');
  const room = out.columns - time.length - typeColumns - 4;
  const shown = Number.isFinite(room) && widthOf(rest) > room ? fitted(rest, Math.max(8, room)) : rest;
  return `${out.paint('dim', time)}  ${status === null ? type : out.paint(status, type)}  ${shown.trimEnd()}`;
}

/** The longest is `pattern.observed`. */
const typeColumns = 16;

/** Of this machine's day, to the millisecond. */
function clockTime(instant: string): string {
  const at = new Date(instant);
  if (Number.isNaN(at.getTime())) return ' '.repeat('12:00:00.000'.length);
  const parts = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0'));
  return `${parts.join(':')}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}
