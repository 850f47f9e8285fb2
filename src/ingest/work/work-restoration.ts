import { AfterBacklog, type AfterBacklogDeps } from '../../core/after-backlog.js';
import { turnOfOthers } from '../../core/turn-of-others.js';
import type { RememberedWork, WorkKeys, WorkNames } from '../../core/work-rows.js';
import type { WorkMemory } from './work-memory.js';

export interface WorkRestorationDeps extends AfterBacklogDeps {
  readonly work: WorkMemory;
  readonly keysOf: (names: WorkNames) => WorkKeys;
  /** What the store remembers; rejects while it is away. */
  readonly read: (range: WorkRestorationRange) => Promise<readonly RememberedWork[]>;
}

interface WorkRestorationRange {
  /** Of what has not ended: heard of since then; ms since the epoch. */
  readonly openSinceMs: number;
  /** Of what ended, and of steps: heard of since then. */
  readonly endedSinceMs: number;
  /** Of each kind: so many, the latest. */
  readonly limit: number;
}

/** What a restart brings back: of each kind so much, of what ended and of steps so long. */
const restoredMax = 100_000;
const endedMs = 3_600_000;

/** Events are taken meanwhile, and their acknowledgements come first. */
const restoredAtOnceMax = 2_000;

/** Brings back what was under way and what ended lately before a restart. */
export class WorkRestoration extends AfterBacklog {
  constructor(
    deps: WorkRestorationDeps,
    { startedMs, openAgeMsMax }: { readonly startedMs: () => number; readonly openAgeMsMax: number },
  ) {
    const run = async (isStopping: () => boolean): Promise<number> => {
      const nowMs = startedMs();
      const range = { openSinceMs: nowMs - openAgeMsMax, endedSinceMs: nowMs - endedMs, limit: restoredMax };
      const remembered = await deps.read(range);
      let restored = 0;
      for (let at = 0; at < remembered.length && !isStopping(); at += restoredAtOnceMax) {
        restored += deps.work.restore(remembered.slice(at, at + restoredAtOnceMax), deps.keysOf, nowMs);
        await turnOfOthers();
      }
      return restored;
    };
    super(deps, { what: 'memory of what is under way', startedMs, run });
  }
}
