/**
 * How far long work is. Stages tell it, and whoever shows it decides how: a bar on a terminal, lines in a log. Telling
 * costs nothing that counts, so it is done once a page or a segment.
 */
export interface Progress {
  /** `what` names the work, `unit` what is counted, in the plural. */
  begin(work: { readonly what: string; readonly unit: string; readonly total: number | null }): ProgressTask;
}

export interface ProgressTask {
  /** All that is done by now. `total`: when it is known only now, or was another. */
  advance(done: number, total?: number): void;
  /** What part is being worked on. */
  note(part: string): void;
  /** It is done, or given up; idempotent. */
  end(): void;
}

export const silentProgress: Progress = { begin: () => ({ advance() {}, note() {}, end() {} }) };

/** One piece of work as it is shown. */
export interface ProgressState {
  readonly what: string;
  readonly unit: string;
  readonly part: string | null;
  readonly done: number;
  readonly total: number | null;
  readonly elapsedMs: number;
  /** As it went so far; null when nothing is done yet, or nobody knows how much there is. */
  readonly remainingMs: number | null;
}

/** Work goes at the pace it had on the whole. */
export function remainingMs(work: Pick<ProgressState, 'done' | 'total' | 'elapsedMs'>): number | null {
  const { done, total, elapsedMs } = work;
  if (total === null || done <= 0) return null;
  return Math.max(0, (elapsedMs * (total - done)) / done);
}
