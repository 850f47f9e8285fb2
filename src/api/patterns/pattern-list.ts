import { z } from 'zod';
import { readPatternFeedback } from '../../clickhouse/queries/patterns/pattern-feedback.js';
import { readPatternPage } from '../../clickhouse/queries/patterns/pattern-page.js';
import { readPatterns } from '../../clickhouse/queries/patterns/pattern-rows.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { pageShape } from '../answers/answer-schema.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { cursorParameter, cursorTime, decodePageCursor, encodePageCursor } from '../request/page-cursor.js';
import { idCharactersMax, idParameter, integerParameter, parseParameters } from '../request/parameters.js';
import { patternItem, patternShape } from './pattern-answer.js';

const confidenceParameter = z
  .string()
  .regex(/^(0|1|0?\.\d{1,9}|[01]\.\d{1,9})$/, 'expected a number from 0 to 1')
  .transform(Number)
  .refine((value) => value <= 1, 'expected a number from 0 to 1')
  .meta({
    type: 'number',
    minimum: 0,
    maximum: 1,
    description: 'The least latest confidence; leaves out patterns without one.',
  });

const parameters = z.strictObject({
  pattern_type: idParameter.meta({ description: 'The latest type of the pattern.' }).optional(),
  agent_id: idParameter.meta({ description: 'An agent that observed the pattern.' }).optional(),
  min_confidence: confidenceParameter.optional(),
  limit: integerParameter({ min: 1, max: 100, fallback: 20 }),
  cursor: cursorParameter.optional(),
});

const answer = z.strictObject({
  patterns: z.array(z.strictObject(patternShape).meta({ id: 'Pattern' })),
  ...pageShape,
});

/** Last observation (ms since the epoch) and id of the last pattern of a page. */
const cursorKey = z.tuple([
  cursorTime,
  z
    .string()
    .min(1)
    .max(2 * idCharactersMax),
]);

/**
 * `GET /api/v1/patterns`: the patterns of the tenant, last observed first. A pattern that is observed again while
 * somebody turns the pages moves to the front: no page shows it twice.
 */
export function createPatternListRoute(context: ApiContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/patterns',
    scope: 'read',
    operation: {
      id: 'listPatterns',
      tag: 'patterns',
      summary: 'The patterns agents have observed, last observed first',
      query: parameters,
      answer: { kind: 'json', schema: answer },
    },
    handle: (request, { tenant }) => {
      const given = parseParameters(parameters, request.query);
      const { limit } = given;
      const position = decodePageCursor(cursorKey, given.cursor);
      return readWithin(context, request, async (store) => {
        const found = await readPatternPage(store, {
          tenant,
          patternType: given.pattern_type,
          agentId: given.agent_id,
          confidenceMin: given.min_confidence,
          after: position && { lastSeenMs: position[0], patternId: position[1] },
          limit: limit + 1,
        });
        const page = found.slice(0, limit);
        const keys = { tenant, patternIds: page.map((row) => row.pattern_id) };
        const [patterns, feedback] =
          page.length === 0
            ? [[], []]
            : await Promise.all([readPatterns(store, keys), readPatternFeedback(store, keys)]);
        const patternOf = new Map(patterns.map((row) => [row.pattern_id, row]));
        const feedbackOf = new Map(feedback.map((row) => [row.pattern_id, row]));
        const last = found.length > limit ? page.at(-1) : undefined;
        return jsonReply({
          patterns: keys.patternIds.flatMap((id) => {
            const pattern = patternOf.get(id);
            return pattern === undefined ? [] : [patternItem(pattern, feedbackOf.get(id))];
          }),
          limit,
          next_cursor: last === undefined ? null : encodePageCursor([last.last_seen_ms, last.pattern_id]),
        });
      });
    },
  };
}
