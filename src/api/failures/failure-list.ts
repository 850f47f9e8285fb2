import { z } from 'zod';
import { failureKinds } from '../../clickhouse/queries/failures/failure-filter.js';
import { readFailureList } from '../../clickhouse/queries/failures/failure-list.js';
import { type ErrorCategory, errorCategories } from '../../core/event-types.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { pageShape } from '../answers/answer-schema.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { failureRangeShape } from '../request/event-range.js';
import { cursorParameter, cursorTime, decodePageCursor, encodePageCursor } from '../request/page-cursor.js';
import { idParameter, integerParameter, parseParameters, wordParameter } from '../request/parameters.js';
import { endOf } from '../request/time-parameters.js';
import { failureItem, failureSchema } from './failure-answer.js';

const [, ...categories] = Object.keys(errorCategories) as ['', ErrorCategory, ...ErrorCategory[]];

/** Of failed attempts, shared by their list and their breakdown. */
export const failureFilterShape = {
  kind: wordParameter(failureKinds).optional(),
  category: wordParameter(categories as [ErrorCategory, ...ErrorCategory[]]).optional(),
  code: idParameter.optional(),
  agent_id: idParameter.optional(),
  environment: idParameter.optional(),
  model: idParameter.optional(),
  provider: idParameter.optional(),
};

const parameters = z
  .strictObject({
    ...failureFilterShape,
    run_id: idParameter.optional(),
    task_id: idParameter.optional(),
    name: idParameter.optional(),
    ...failureRangeShape,
    limit: integerParameter({ min: 1, max: 100, fallback: 20 }),
    cursor: cursorParameter.optional(),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from.fromMs < endOf(to), {
    path: ['to'],
    error: 'expected a time after from',
  });

const answer = z.strictObject({ failures: z.array(failureSchema), ...pageShape }).meta({ id: 'FailurePage' });

/** Time of the last failure of a page (ms since the epoch), its unit and its attempt. */
const cursorKey = z.tuple([
  cursorTime,
  z
    .string()
    .regex(/^\d{1,20}$/)
    .refine((digits) => BigInt(digits) < 2n ** 64n),
  z.int().min(0).max(65_535),
]);

/** `GET /api/v1/failures`: the failed attempts of the tenant, newest first. */
export function createFailureListRoute(context: ApiContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/failures',
    scope: 'read',
    byUser: true,
    operation: {
      id: 'listFailures',
      tag: 'failures',
      summary: 'Failed attempts of runs, tasks and steps, newest first, and what became of each',
      query: parameters,
      answer: { kind: 'json', schema: answer },
    },
    handle: (request, { tenant, user = null }) => {
      const { limit, cursor, ...given } = parseParameters(parameters, request.query);
      const position = decodePageCursor(cursorKey, cursor);
      const after = position && { failedMs: position[0], unit: position[1], attempt: position[2] };
      const filter = {
        tenant,
        kind: given.kind,
        category: given.category,
        code: given.code,
        agentId: given.agent_id,
        runId: given.run_id,
        taskId: given.task_id,
        userId: user ?? undefined,
        environment: given.environment,
        name: given.name,
        model: given.model,
        provider: given.provider,
        fromMs: given.from?.fromMs,
        toMs: given.to && endOf(given.to),
      };
      return readWithin(context, request, async (store) => {
        const found = await readFailureList(store, filter, { limit: limit + 1, after });
        const failures = found.slice(0, limit);
        const last = found.length > limit ? failures.at(-1) : undefined;
        return jsonReply({
          failures: failures.map(failureItem),
          limit,
          next_cursor: last === undefined ? null : encodePageCursor([last.failed_ms, last.unit, last.attempt]),
        });
      });
    },
  };
}
