import { z } from 'zod';
import { readPatternEvidence } from '../../clickhouse/queries/patterns/pattern-evidence.js';
import { readPatternFeedback } from '../../clickhouse/queries/patterns/pattern-feedback.js';
import { readPatterns } from '../../clickhouse/queries/patterns/pattern-rows.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { parseParameters } from '../request/parameters.js';
import { patternDetail, patternDetailShape } from './pattern-answer.js';
import { pathPatternId, patternUnknown } from './pattern-path.js';

const parameters = z.strictObject({});

const answer = z.strictObject(patternDetailShape);

/** `GET /api/v1/patterns/{pattern_id}`: one pattern with its evidence and newest feedback. */
export function createPatternDetailRoute(context: ApiContext): HttpRoute {
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
        const [[pattern], [feedback], evidence] = await Promise.all([
          readPatterns(store, keys),
          readPatternFeedback(store, keys),
          readPatternEvidence(store, { tenant, patternId }),
        ]);
        if (pattern === undefined) throw patternUnknown(patternId);
        return jsonReply(patternDetail({ pattern, feedback, evidence }));
      });
    },
  };
}
