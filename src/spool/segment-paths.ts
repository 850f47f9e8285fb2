import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../core/clock.js';

/** Files of a segment; see `spool.ts` for what each state means. */
export type SegmentSuffix = 'data' | 'log' | 'released' | 'data.quarantined' | 'log.quarantined' | 'arrived';

const namePattern =
  /^([0-9a-f]{12}-[0-9a-f]{6}-[0-9a-f]{16})\.(data|log|released|data\.quarantined|log\.quarantined|arrived)$/;

export function segmentPath(directory: string, id: string, suffix: SegmentSuffix): string {
  return join(directory, `${id}.${suffix}`);
}

/** Null for a name that is not a segment's file. */
export function parseSegmentName(name: string): { readonly id: string; readonly suffix: SegmentSuffix } | null {
  const match = namePattern.exec(name);
  return match === null ? null : { id: match[1]!, suffix: match[2] as SegmentSuffix };
}

/**
 * Segment ids: 12 hex digits of wall time in ms, 6 of a counter, 16 random. Ids sort by age even when the
 * clock steps back (the time part never does), and the random part keeps them unique for ever.
 */
export class SegmentIds {
  readonly #clock: Clock;
  #timeMs = 0;
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Later ids sort after `id`, an id found on the disk. */
  follow(id: string): void {
    const timeMs = Number.parseInt(id.slice(0, 12), 16);
    if (timeMs < this.#timeMs) return;
    // One ms on, so that the counter of the earlier process need not be known.
    this.#timeMs = timeMs + 1;
    this.#count = 0;
  }

  next(): string {
    const nowMs = this.#clock.nowMs();
    if (nowMs > this.#timeMs) {
      this.#timeMs = nowMs;
      this.#count = 0;
    }
    const time = Math.floor(this.#timeMs).toString(16).padStart(12, '0');
    const count = (this.#count++).toString(16).padStart(6, '0');
    return `${time}-${count}-${randomBytes(8).toString('hex')}`;
  }
}
