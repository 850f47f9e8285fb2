import type { TidemarkEvent } from '../event.js';

/** What became of the events that were offered, and how the way to the collector is. */
export interface Delivered {
  readonly acked: number;
  readonly rejected: number;
  readonly dropped: number;
  readonly connections: number;
  readonly resent: number;
  readonly state: 'off' | 'connecting' | 'connected' | 'closed' | `ended: ${string}`;
}

/** One way of getting events to the collector. Nothing of it throws or rejects. */
export interface Delivery {
  offer(event: TidemarkEvent): void;
  /** Null when there is room, or nothing waits for it. */
  room(): Promise<void> | null;
  /** Resolves when all that was offered is settled, or after so long. */
  flush(timeoutMs: number): Promise<void>;
  close(timeoutMs: number): Promise<void>;
  delivered(): Delivered;
  /** Where events outlive the process: puts all of them there. */
  persist?(): void;
  /** Events that an earlier process left. */
  readonly found?: number;
}

/** Without a url: nothing is kept. What is offered counts as dropped, and is not offered. */
export const noDelivery: Delivery = {
  offer() {},
  room: () => null,
  flush: async () => undefined,
  close: async () => undefined,
  delivered: () => ({ acked: 0, rejected: 0, dropped: 0, connections: 0, resent: 0, state: 'off' }),
};
