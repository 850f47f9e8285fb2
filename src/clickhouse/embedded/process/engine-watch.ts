import { type Clock, sleep } from '../../../core/clock.js';
import type { EngineInstruments } from '../../../core/instruments.js';
import {
  connectionAccounts,
  engineCancellations,
  engineRefusals,
  engineResultFiles,
  keptConnectionOutcomes,
} from '../../../core/instruments.js';
import { EngineHunger } from './engine-hunger.js';
import type { EngineLoad } from './engine-protocol.js';

/** The engine's process, as far as it is watched. */
export interface WatchedEngine {
  /** Whether it still runs, and nobody asked it to end. */
  readonly isRunning: () => boolean;
  /** Its load, once it has run a statement of its own; null when it does not answer within `msMax`. */
  prove(msMax: number): Promise<EngineLoad | null>;
}

export interface WatchOptions {
  /** Between two looks for a crashed thread while it starts. */
  readonly startPauseMs: number;
  readonly pauseMs: number;
  /** How long an answer may take, twice: a machine that slept wakes up late for the first. */
  readonly silentMsMax: number;
  readonly secondChanceMsMax: number;
  /** Proofs refused for want of memory while nothing runs, without one that is not. */
  readonly starvedProofsMax: number;
}

/**
 * An engine that hangs and does not end is as bad as none. With these figures it is found 20 s after its last answer,
 * or 25 s when it hangs right after one.
 *
 * One whose memory is gone while nothing runs refuses for good what needs more than 4 MiB, inserts above all. It is
 * ended after two minutes of that: its allocator gives back within one what statements have freed.
 */
export const defaultWatch: WatchOptions = {
  startPauseMs: 2_000,
  pauseMs: 5_000,
  silentMsMax: 15_000,
  secondChanceMsMax: 5_000,
  starvedProofsMax: 24,
};

/** Why an engine that runs is of no use: it does not answer, or its memory is gone. */
export type UselessEngine = 'silent' | 'starved';

/**
 * Resolves when the engine runs and is of no use, with null when it no longer runs. Counts on the way what guests were
 * refused, and what became of their statements.
 */
export async function watchEngine(
  { clock, instruments }: { readonly clock: Clock; readonly instruments: EngineInstruments },
  engine: WatchedEngine,
  { pauseMs, silentMsMax, secondChanceMsMax, starvedProofsMax }: WatchOptions,
): Promise<UselessEngine | null> {
  let counted: EngineLoad | null = null;
  const hunger = new EngineHunger();
  try {
    while (engine.isRunning()) {
      const load =
        (await engine.prove(silentMsMax)) ?? (engine.isRunning() ? await engine.prove(secondChanceMsMax) : null);
      if (!engine.isRunning()) return null;
      if (load === null) return 'silent';
      count(instruments, load, counted);
      counted = load;
      if (hunger.after(load.shortage) >= starvedProofsMax) return 'starved';
      await sleep(clock, pauseMs);
    }
    return null;
  } finally {
    // Its files and connections end with it.
    instruments.heldBytes.set(0);
    for (const account of connectionAccounts) instruments.waitingConnections.set({ account }, 0);
  }
}

/** What came since `before`: the engine counts from its own start. */
function count(instruments: EngineInstruments, load: EngineLoad, before: EngineLoad | null): void {
  for (const reason of engineRefusals) {
    const more = load.refusals[reason] - (before?.refusals[reason] ?? 0);
    if (more > 0) instruments.refusals.inc({ reason }, more);
  }
  for (const reason of engineCancellations) {
    const more = load.cancelled[reason] - (before?.cancelled[reason] ?? 0);
    if (more > 0) instruments.cancelled.inc({ reason }, more);
  }
  for (const outcome of engineResultFiles) {
    const more = load.resultFiles[outcome] - (before?.resultFiles[outcome] ?? 0);
    if (more > 0) instruments.resultFiles.inc({ outcome }, more);
  }
  const streamed = load.streamed - (before?.streamed ?? 0);
  if (streamed > 0) instruments.streamed.inc(streamed);
  instruments.heldBytes.set(load.heldBytes);
  instruments.heldBytesMax.set(load.heldBytesMax);
  for (const account of connectionAccounts) {
    const [now, then] = [load.connections[account], before?.connections[account]];
    for (const outcome of keptConnectionOutcomes) {
      const more = now[outcome] - (then?.[outcome] ?? 0);
      if (more > 0) instruments.keptConnections.inc({ account, outcome }, more);
    }
    instruments.waitingConnections.set({ account }, now.waiting);
  }
}
