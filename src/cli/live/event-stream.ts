import { type Clock, sleep } from '../../core/clock.js';
import { errorMessage } from '../../core/errors.js';
import type { ApiClient, LiveFilter } from '../frame/api-client.js';
import { CommandError } from '../frame/command-error.js';
import { exitCodes } from '../frame/exit-codes.js';

/** An event as the live stream tells it: names and values of the event schema, absent fields left out. */
export type LiveEvent = Readonly<Record<string, unknown>> & { readonly type: string; readonly agent_id: string };

export type LiveItem =
  | { readonly op: 'events'; readonly events: readonly LiveEvent[] }
  | { readonly op: 'dropped'; readonly count: number }
  /** The connection is lost and will be made again. */
  | { readonly op: 'lost'; readonly cause: string }
  | { readonly op: 'connected' };

/** A stream that says nothing at all for so long is taken for lost: it has a comment line every 15 s. */
const silenceMsMax = 45_000;
const retryMsMin = 500;
const retryMsMax = 10_000;

/**
 * What happens at a collector, as Server-Sent Events (WHATWG HTML, 9.2) tell it, for ever: a lost connection is made
 * again. Ends with `signal`. Throws CommandError when the collector refuses, or none answered at the first try.
 */
export async function* followEvents(
  { api, clock, signal }: { readonly api: ApiClient; readonly clock: Clock; readonly signal: AbortSignal },
  filter: LiveFilter,
): AsyncGenerator<LiveItem> {
  let hasConnected = false;
  let pauseMs = retryMsMin;
  while (!signal.aborted) {
    const silence = new AbortController();
    const either = AbortSignal.any([signal, silence.signal]);
    let timer = clock.setTimer(silenceMsMax, () => silence.abort());
    try {
      const response = await api.liveEvents(filter, either);
      hasConnected = true;
      yield { op: 'connected' };
      for await (const item of itemsOf(response)) {
        timer.cancel();
        timer = clock.setTimer(silenceMsMax, () => silence.abort());
        pauseMs = retryMsMin;
        if (item !== null) yield item;
      }
      if (!signal.aborted) yield { op: 'lost', cause: 'the collector has ended it' };
    } catch (error) {
      if (signal.aborted) return;
      if (isFinal(error, hasConnected)) throw error;
      yield { op: 'lost', cause: silence.signal.aborted ? 'it has gone silent' : errorMessage(error) };
    } finally {
      timer.cancel();
    }
    await Promise.race([sleep(clock, pauseMs), aborted(signal)]);
    pauseMs = Math.min(retryMsMax, pauseMs * 2);
  }
}

/** A refusal stays one; a collector that was there once may come back. */
function isFinal(error: unknown, hasConnected: boolean): boolean {
  if (!(error instanceof CommandError)) return false;
  return !hasConnected || (error.exitCode !== exitCodes.unreachable && error.exitCode !== exitCodes.failed);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Null: a sign of life. */
async function* itemsOf(response: Response): AsyncGenerator<LiveItem | null> {
  if (response.body === null) return;
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of response.body) {
    rest += decoder.decode(chunk as Uint8Array, { stream: true });
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    if (rest.length > blockCharactersMax) throw new Error('a message of the live stream is too large');
    yield null;
    for (const block of blocks) yield itemOf(block);
  }
}

/** A message has at most as many events as the queue of a subscriber has bytes. */
const blockCharactersMax = 256 * 1_048_576;

function itemOf(block: string): LiveItem | null {
  const data = block
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => line.slice('data: '.length))
    .join('\n');
  if (data === '') return null;
  const message = JSON.parse(data) as LiveItem | { readonly op: string };
  return message.op === 'events' || message.op === 'dropped' ? (message as LiveItem) : null;
}
