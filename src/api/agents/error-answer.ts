import { z } from 'zod';
import type { AgentErrorDaysRow, AgentErrorRow } from '../../clickhouse/queries/agents/error-row.js';
import { instant } from '../../core/time-text.js';
import { countSchema, instantSchema, optionalTextSchema, textSchema } from '../answers/answer-schema.js';
import type { MetricRange } from '../request/metric-range.js';

const errorShape = {
  category: optionalTextSchema,
  code: optionalTextSchema,
  message: optionalTextSchema,
  count: countSchema,
  first_seen: instantSchema,
  last_seen: instantSchema,
  affected_runs: countSchema,
  recovered: countSchema,
  failed_for_good: countSchema,
};

const errorCharactersMax = 100;

/** `error` says it in a few words: the message, else the code, else the category. */
export const topErrorSchema = z.strictObject({ error: textSchema, ...errorShape }).meta({ id: 'TopError' });

export const errorDaysSchema = z
  .strictObject({ ...errorShape, days: z.array(z.strictObject({ day: z.iso.date(), count: countSchema })) })
  .meta({ id: 'ErrorGroupWithDays' });

export const errorCoverageSchema = z
  .strictObject({
    from: instantSchema,
    to: instantSchema,
    recovered_as_of: z.enum(['maintenance', 'now']),
  })
  .meta({ id: 'ErrorCoverage' });

/** Names of the views an answer was read from. */
export const sourceSchema = z.array(z.string());

/** A group of failed executions as answers carry it. */
function errorItem(error: AgentErrorRow) {
  return {
    category: error.error_category,
    code: error.error_code,
    message: error.message,
    count: error.occurrences,
    first_seen: instant(error.first_seen_ms),
    last_seen: instant(error.last_seen_ms),
    affected_runs: error.affected_runs,
    recovered: error.recovered,
    failed_for_good: error.occurrences - error.recovered,
  };
}

export function topErrorItem(error: AgentErrorRow) {
  const { message, error_code: code, error_category: category } = error;
  const characters = [...(message ?? code ?? category ?? 'unknown')];
  return { error: characters.slice(0, errorCharactersMax).join(''), ...errorItem(error) };
}

/** With the days on which it occurred; a day that is not there had none. */
export function errorDaysItem(error: AgentErrorDaysRow) {
  const [days, counts] = error.per_day;
  return { ...errorItem(error), days: days.map((day, index) => ({ day, count: counts[index] ?? 0 })) };
}

/** The part of the range whose errors are told, null when none is; and what tells which failures recovered. */
export function errorCoverage({ errors: { covered, days } }: MetricRange) {
  if (covered === null) return null;
  return {
    from: instant(covered.fromMs),
    to: instant(covered.toMs),
    recovered_as_of: days.toMs > days.fromMs ? 'maintenance' : 'now',
  };
}

/** The views the errors of a range are read from. */
export function errorSources({ errors: { days, raw } }: MetricRange): string[] {
  return [...(days.toMs > days.fromMs ? ['agent_errors_daily'] : []), ...(raw.length > 0 ? ['agent_events'] : [])];
}
