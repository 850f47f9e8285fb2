import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../core/clock.js';

/** Files of a segment; see `spool.ts` for what each state means. */
const segmentSuffixes = [
  'data',
  'log',
  'released',
  'data.quarantined',
  'log.quarantined',
  'quarantine.json',
  'restored',
  'arrived',
  'damaged.quarantined',
  'data.salvaged',
  'log.salvaged',
  'log.replaced',
] as const;
export type SegmentSuffix = (typeof segmentSuffixes)[number];

const namePattern = /^([0-9a-f]{12}-[0-9a-f]{6}-[0-9a-f]{16})\.([a-z.]+)$/;
const idPattern = /^[0-9a-f]{12}-[0-9a-f]{6}-[0-9a-f]{16}$/;
/** Time and counter of an id: no two segments are begun with the same. */
const ageChars = 20;

export function segmentPath(directory: string, id: string, suffix: SegmentSuffix): string {
  return join(directory, `${id}.${suffix}`);
}

/**
 * Null for a name that is not a segment's file. `suffix` null: not one of the spool's own files, but what somebody
 * else has noted about a segment that was offered to the store.
 */
export function parseSegmentName(name: string): { readonly id: string; readonly suffix: SegmentSuffix | null } | null {
  const match = namePattern.exec(name);
  if (match === null) return null;
  return { id: match[1]!, suffix: segmentSuffixes.find((suffix) => suffix === match[2]) ?? null };
}

export function isSegmentId(text: string): boolean {
  return idPattern.test(text);
}

/** Another id of the same age, for the segment that takes the place of `id` in the queue. */
export function successorOf(id: string): string {
  return `${id.slice(0, ageChars)}${randomBytes(8).toString('hex')}`;
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
