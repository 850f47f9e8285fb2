import { z } from 'zod';
import { readPatternEvidence } from '../clickhouse/queries/pattern-evidence.js';
import { readPatternFeedback } from '../clickhouse/queries/pattern-feedback.js';
import { readPatterns } from '../clickhouse/queries/pattern-rows.js';
import type { HttpRoute } from '../core/ports.js';
import { parseParameters } from './parameters.js';
import { patternDetail, patternDetailShape } from './pattern-answer.js';
import { pathPatternId, patternUnknown } from './pattern-path.js';
import { jsonReply, type QueryContext, readWithin } from './query-context.js';

const parameters = z.strictObject({});

const answer = z.strictObject(patternDetailShape);

/** `GET /api/v1/patterns/{pattern_id}`: one pattern with its evidence and newest feedback. */
export function createPatternDetailRoute(context: QueryContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/patterns/{pattern_id}',
    scope: 'read',
    operation: {
      id: 'getPattern',
      tag: 'patterns',
      summary: 'One pattern with its evidence and newest feedback',
      query: parameters,
      answer: { kind: 'json', schema: answer },
      errors: ['not_found'],
    },
    handle: (request, { tenant }) => {
      parseParameters(parameters, request.query);
      const patternId = pathPatternId(request);
      const keys = { tenant, patternIds: [patternId] };
      return readWithin(context, request, async (store) => {
        const [[pattern], [feedback], references] = await Promise.all([
          readPatterns(store, keys),
          readPatternFeedback(store, keys),
          readPatternEvidence(store, { tenant, patternId }),
        ]);
        if (pattern === undefined) throw patternUnknown(patternId);
        return jsonReply(patternDetail({ pattern, feedback, references }));
      });
    },
  };
}
