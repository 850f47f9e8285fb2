import { z } from 'zod';
import { readPatternObserver } from '../../clickhouse/queries/patterns/pattern-observer.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { textSchema } from '../answers/answer-schema.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { parseJsonBody } from '../request/json-body.js';
import { idCharactersMax, parseParameters } from '../request/parameters.js';
import { pathPatternId, patternUnknown } from './pattern-path.js';

const parameters = z.strictObject({});

/** The bounds of the event fields feedback_score, feedback_text and user_id. */
const scoreMax = 100;
const textCharactersMax = 2_048;

/** A text of the longest kind, every character of it escaped as two `\uXXXX`, and some room for the rest. */
const bodyBytesMax = 32_768;

/** As for `POST /v1/events`. */
const idempotencyKeyCharactersMax = 256;

function boundedText(charactersMax: number) {
  const expected = `expected a text of 1 to ${charactersMax} characters`;
  return z
    .string({ error: expected })
    .min(1, expected)
    .max(2 * charactersMax, expected)
    .refine((text) => [...text].length <= charactersMax, expected)
    .refine((text) => !/\p{Surrogate}/u.test(text), 'expected well-formed Unicode, without half a surrogate pair')
    .meta({ maxLength: charactersMax });
}

const scoreExpected = `expected a number from -${scoreMax} to ${scoreMax}`;

const body = z.strictObject({
  score: z.number({ error: scoreExpected }).min(-scoreMax, scoreExpected).max(scoreMax, scoreExpected),
  text: boundedText(textCharactersMax).optional(),
  user_id: boundedText(idCharactersMax).optional(),
});

const answer = z.strictObject({
  pattern_id: textSchema,
  event_id: textSchema,
  duplicate: z.boolean().meta({ description: 'The Idempotency-Key was seen before: nothing is counted again.' }),
});

/**
 * `POST /api/v1/patterns/{pattern_id}/feedback`: a person's verdict on a pattern, as a `pattern.feedback` event to the
 * agent that last observed it; 202 when it is on disk. The scope is `ingest`: a key that may only read must not change
 * what others read, and a key that may send events can send this one by `POST /v1/events` as well.
 */
export function createPatternFeedbackRoute(context: ApiContext): HttpRoute {
  return {
    method: 'POST',
    path: '/api/v1/patterns/{pattern_id}/feedback',
    scope: 'ingest',
    bodyBytesMax,
    operation: {
      id: 'addPatternFeedback',
      tag: 'patterns',
      summary: 'Takes feedback on a pattern as an event: durable when answered, counted once with an Idempotency-Key',
      query: parameters,
      headers: [
        {
          name: 'Idempotency-Key',
          meaning:
            'Makes a retry safe: a second request with the same key, pattern and body is acknowledged and dropped.',
          schema: z.string().min(1).max(idempotencyKeyCharactersMax),
        },
      ],
      body: { contentTypes: ['application/json'], schema: body, example: { score: 4, text: 'Right twice this week.' } },
      status: 202,
      answer: { kind: 'json', schema: answer },
      errors: [
        'not_found',
        'media_type_unsupported',
        'body_too_large',
        'body_invalid',
        'idempotency_mismatch',
        'spool_full',
        'clock_unset',
        'spool_failed',
      ],
    },
    handle: async (request, principal) => {
      parseParameters(parameters, request.query);
      const patternId = pathPatternId(request);
      const { score, text, user_id: userId } = parseJsonBody(body, request);
      const { tenant, contentAllowed } = principal;
      const agentId = await readWithin(context, request, (store) => readPatternObserver(store, { tenant, patternId }));
      if (agentId === undefined) throw patternUnknown(patternId);
      const { eventId, duplicate } = await context.intake.accept({
        tenant,
        contentAllowed,
        fields: {
          type: 'pattern.feedback',
          agent_id: agentId,
          pattern_id: patternId,
          feedback_score: score,
          ...(text === undefined ? {} : { feedback_text: text }),
          ...(userId === undefined ? {} : { user_id: userId }),
        },
        idempotencyKey: request.headers.get('idempotency-key'),
        purpose: `feedback:${patternId}`,
        requestBody: request.body,
      });
      return jsonReply({ pattern_id: patternId, event_id: eventId, duplicate }, 202);
    },
  };
}
