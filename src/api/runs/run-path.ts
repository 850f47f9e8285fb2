import { CollectorError } from '../../core/errors.js';
import { quoted } from '../../core/problem.js';
import { isPossibleId } from '../request/parameters.js';

/** A run id as asked for. An id no event can carry is unknown without asking the store. */
export function possibleRunId(runId: string): string {
  if (!isPossibleId(runId)) throw runUnknown(runId);
  return runId;
}

export function runUnknown(runId: string): CollectorError {
  return new CollectorError('not_found', `cannot find run ${quoted(runId)}: this tenant has no event of it`);
}
