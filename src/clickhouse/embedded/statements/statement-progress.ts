import type { Clock } from '../../../core/clock.js';
import { Pause } from '../../../core/pause.js';
import type { ChdbEngine, StatementProgress } from '../chdb-engine.js';

export interface ProgressListener {
  readonly intervalMs: number;
  /** Returns whether it wants to hear more. */
  tell(progress: StatementProgress): boolean;
}

interface FollowedStatement {
  readonly running: Promise<unknown>;
  /** The end of its `log_comment`. */
  readonly tag: string;
}

/** Looks at a statement every interval for as long as it runs: one look at a time, none in the end. Never rejects. */
export async function followProgress(
  { engine, clock }: { readonly engine: ChdbEngine; readonly clock: Clock },
  { running, tag }: FollowedStatement,
  listener: ProgressListener,
): Promise<void> {
  const pause = new Pause(clock);
  const end = () => pause.end();
  void running.then(end, end);
  while (!pause.hasEnded) {
    await pause.wait(listener.intervalMs);
    if (pause.hasEnded) return;
    // An engine that cannot say is asked again.
    const seen = await engine.progress(tag).catch(() => null);
    if (seen !== null && !pause.hasEnded && !listener.tell(seen)) return;
  }
}
