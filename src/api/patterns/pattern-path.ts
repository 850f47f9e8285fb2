import { CollectorError } from '../../core/errors.js';
import type { HttpRequest } from '../../core/ports/http-route.js';
import { quoted } from '../../core/problem.js';
import { isPossibleId } from '../request/parameters.js';

/** The pattern id of the path. An id no event can carry is unknown without asking the store. */
export function pathPatternId(request: HttpRequest): string {
  const patternId = request.params.pattern_id ?? '';
  if (!isPossibleId(patternId)) throw patternUnknown(patternId);
  return patternId;
}

export function patternUnknown(patternId: string): CollectorError {
  const cause = 'no agent of this tenant has observed it';
  return new CollectorError('not_found', `cannot find pattern ${quoted(patternId)}: ${cause}`);
}
