import { CollectorError } from '../../core/errors.js';
import type { HttpRequest } from '../../core/ports/http-route.js';
import { quoted } from '../../core/problem.js';
import { isPossibleId } from './parameters.js';

/** The agent id of the path. An id no event can carry is unknown without asking the store. */
export function pathAgentId(request: HttpRequest): string {
  const agentId = request.params.agent_id ?? '';
  if (!isPossibleId(agentId)) throw agentUnknown(agentId);
  return agentId;
}

export function agentUnknown(agentId: string): CollectorError {
  return new CollectorError('not_found', `cannot find agent ${quoted(agentId)}: this tenant has no event of it`);
}
