import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { Progress } from '../core/progress.js';
import { ShownProgress } from '../core/shown-progress.js';

const intervalMs = 10_000;

/** Long work as lines of the log, at most one every 10 s of each. */
export function createLoggedProgress(deps: { readonly clock: Clock; readonly logger: Logger }): Progress {
  const display = {
    show({ what, unit, part, done, total, elapsedMs, remainingMs }: Parameters<Shown>[0], ended: boolean): void {
      const counts = { done, total, unit, ...(part === null ? {} : { part }) };
      const seconds = (ms: number) => Math.round(ms / 1_000);
      const times = { elapsedS: seconds(elapsedMs), remainingS: remainingMs === null ? null : seconds(remainingMs) };
      deps.logger.info({ ...counts, ...times }, `${what}: ${ended ? 'it is over' : 'it goes on'}`);
    },
  };
  return new ShownProgress({ ...deps, display }, intervalMs);
}

type Shown = ConstructorParameters<typeof ShownProgress>[0]['display']['show'];
