import type { CollectorProcess } from './collector-process.js';
import { sendEvents } from './live-client.js';
import type { UiEvent } from './ui-history.js';

const eventsOfRequest = 1_000;

/** Sends a history; resolves when all of it is in the store. */
export async function sendHistory(collector: CollectorProcess, events: readonly UiEvent[]): Promise<void> {
  for (let at = 0; at < events.length; at += eventsOfRequest) {
    await sendEvents(collector, events.slice(at, at + eventsOfRequest));
  }
  for (let tries = 0; tries < 600; tries++) {
    const { ledger } = await collector.get<{ readonly ledger: { readonly inserted: number } }>('/health/deep');
    if (ledger.inserted >= events.length) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the history is not stored:\n${collector.output}`);
}
