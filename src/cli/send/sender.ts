import type { Clock } from '../../core/clock.js';
import {
  type ClientError,
  createTidemarkClient,
  type Rejection,
  type TidemarkEvent,
  type TlsOptions,
} from '../../sdk/index.js';
import type { SourcedEvent } from './event-source.js';

/** An event that was not kept, or of which a field was ignored (`kept`). */
export interface NamedRejection {
  /** Of the event among all that were read, from 0. */
  readonly index: number;
  readonly code: string;
  /** Empty for the event itself. */
  readonly field: string;
  readonly message: string;
  readonly kept: boolean;
}

export interface SendResult {
  /** Events that were read, whatever became of them. */
  readonly read: number;
  readonly acknowledged: number;
  readonly rejected: number;
  readonly unacknowledged: number;
  /** Why not everything was sent; null when it was. */
  readonly failure: ClientError | null;
}

/** `settled`: the share of what was read that is acknowledged or refused, 0 to 1. */
interface SendCounts {
  readonly acknowledged: number;
  readonly rejected: number;
  readonly settled: number;
}

export interface SenderOptions extends TlsOptions {
  readonly url: string;
  readonly key: string;
  readonly onRejection: (rejection: NamedRejection) => void;
  readonly onTrouble: (error: ClientError) => void;
  readonly onProgress: (counts: SendCounts) => void;
}

/** A frame names so many of its errors by default: with no more events in it every one is named. */
const batchEventsMax = 100;
/** How long an interrupted sender waits for what is under way. */
const interruptedMsMax = 10_000;

/**
 * Sends events through the client of the SDK, which keeps each until it is acknowledged, and resends after a lost
 * connection. Holds no more than the client's buffer: who reads waits for room. Resolves when all is acknowledged, when
 * the collector refuses the client for good, or soon after `signal`.
 */
export async function sendEvents(
  {
    clock,
    events,
    signal,
  }: {
    readonly clock: Clock;
    readonly events: AsyncIterable<SourcedEvent>;
    readonly signal: AbortSignal;
  },
  options: SenderOptions,
): Promise<SendResult> {
  const indexes = new WeakMap<object, number>();
  let read = 0;
  let unreadable = 0;
  let failure: ClientError | null = null;
  const onReject = ({ event, code, path: field, message, kept }: Rejection) =>
    options.onRejection({ index: indexes.get(event) ?? -1, code, field, message, kept });
  const client = createTidemarkClient({
    ...options,
    clock,
    batchEventsMax,
    onReject,
    onAck: () => told(),
    onError: (error) => {
      if (!error.retryable) failure = error;
      else options.onTrouble(error);
    },
  });
  const told = () => {
    const { eventsAcknowledged, eventsRejected } = client.stats();
    options.onProgress({
      acknowledged: Math.max(0, eventsAcknowledged - eventsRejected),
      rejected: eventsRejected + unreadable,
      settled: Math.min(1, (eventsAcknowledged + unreadable) / Math.max(1, read)),
    });
  };
  // Whoever waits for room in the client is let go.
  signal.addEventListener('abort', () => void client.close(interruptedMsMax), { once: true });
  try {
    for await (const { index, event, problem } of events) {
      if (signal.aborted) break;
      read += 1;
      if (event === undefined) {
        unreadable += 1;
        options.onRejection({ index, ...problem, field: '', kept: false });
        continue;
      }
      indexes.set(event, index);
      if ((await client.send(event as TidemarkEvent)) === 'closed') break;
    }
  } catch (error) {
    await client.close(interruptedMsMax);
    if (!signal.aborted) throw error;
  }
  await untilFlushed(client.flush(), signal);
  const { eventsUnacknowledged } = await client.close(signal.aborted ? interruptedMsMax : 0);
  const { eventsRejected, eventsQueued } = client.stats();
  return {
    read,
    // Those that the collector refused are acknowledged with their frame; one that cannot be encoded never was sent.
    acknowledged: Math.max(0, eventsQueued - eventsUnacknowledged - eventsRejected),
    rejected: eventsRejected + unreadable,
    unacknowledged: eventsUnacknowledged,
    failure,
  };
}

/** What fails for good is in the client's last error. */
async function untilFlushed(flushed: Promise<void>, signal: AbortSignal): Promise<void> {
  const interrupted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([flushed.catch(() => undefined), interrupted]);
}
