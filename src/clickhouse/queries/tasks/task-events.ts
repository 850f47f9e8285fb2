import type { StoreReader } from '../../../core/ports/store-reader.js';
import { compareTexts } from '../sql/text-order.js';
import { type AttemptEvent, attemptEventsMax, type LoggedEvent, readLoggedEvents } from '../work/attempt-event.js';
import type { WorkAttemptRow } from '../work/attempt-row.js';
import { mergeAttempts } from '../work/merged-attempts.js';
import { attemptsOfPage } from '../work/work-attempts.js';
import type { WorkScope } from '../work/work-scope.js';
import { logLinesMax, type TaskLogLevel } from './task-logs.js';

export interface TaskEvents {
  /** All of them, as `readWorkAttempts` tells them. */
  readonly attempts: readonly WorkAttemptRow[];
  /** As `readTaskLogs` tells them. */
  readonly logs: readonly TaskLogLevel[];
}

/**
 * The attempts and the log lines of a task by one read of its raw events, which lie in the same granules; each of the
 * two statements takes longer to plan than to run. Null when there are too many events, or some whose order the engine
 * decides.
 */
export async function readTaskEvents(store: StoreReader, scope: WorkScope): Promise<TaskEvents | null> {
  const events = await readLoggedEvents(store, scope, attemptEventsMax + 1);
  if (events.length > attemptEventsMax) return null;
  const attempts = mergeAttempts(events.flatMap(workEventOf));
  if (attempts === null) return null;
  return {
    attempts: attemptsOfPage(attempts, { limit: attempts.length }),
    logs: logLevels(events.filter(({ type }) => type === 'log')),
  };
}

/** Without what tells apart events that say the same of an attempt. */
function workEventOf({ event_id: _, level, message, ...event }: LoggedEvent): AttemptEvent[] {
  const { type, ...said } = event;
  return type === 'log' ? [] : [{ type, ...said }];
}

/** In the order of their numbers. */
const levels = ['', 'trace', 'debug', 'info', 'warn', 'error', 'fatal'];

function logLevels(lines: readonly LoggedEvent[]): TaskLogLevel[] {
  return levels.flatMap((level) => {
    const own = lines.filter((line) => line.level === level).sort(byNewest);
    if (own.length === 0) return [];
    const times = own.map(({ ts_ms: tsMs }) => tsMs);
    const newest = own.slice(0, logLinesMax).map((line) => ({
      tsMs: line.ts_ms,
      receivedMs: line.received_ms,
      stepId: line.step_id === '' ? null : line.step_id,
      message: line.message,
    }));
    return { level: level || null, lines: own.length, firstMs: Math.min(...times), lastMs: Math.max(...times), newest };
  });
}

function byNewest(left: LoggedEvent, right: LoggedEvent): number {
  return (
    right.ts_ms - left.ts_ms ||
    right.received_ms - left.received_ms ||
    compareTexts(left.event_id, right.event_id) ||
    compareTexts(left.step_id, right.step_id) ||
    compareTexts(left.message, right.message)
  );
}
