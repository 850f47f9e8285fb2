import { holdingClock } from '../core/clock.js';
import type { Progress } from '../core/progress.js';
import { createLoggedProgress } from '../telemetry/logged-progress.js';
import { createLogger } from '../telemetry/logger.js';
import type { Output } from './frame/output.js';
import { createBarProgress, ProgressBars } from './progress-bar.js';

/** Long work of a command, told on stderr: as a bar on a terminal, else as lines of a log. */
export function createEdgeProgress(err: Output): Progress {
  if (err.isTerminal) return createBarProgress({ clock: holdingClock, bars: new ProgressBars(err.stream) });
  const logger = createLogger({ level: 'info', pretty: false, destination: err.stream });
  return createLoggedProgress({ clock: holdingClock, logger });
}
