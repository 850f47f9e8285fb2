import { z } from 'zod';
import type { ApiOperation } from '../core/api-operation.js';
import { eventErrors } from '../core/errors.js';
import { eventSchema } from '../core/event-zod.js';

const event = eventSchema.meta({ id: 'Event' });
const seq = z.null().meta({ description: 'Only a WebSocket numbers its frames; a number is refused.' }).optional();

/** The three shapes of a frame; only events may be many in NDJSON, one a line. */
const frame = z
  .union([
    event,
    z.array(event).min(1),
    z.looseObject({ seq, events: z.array(event).min(1) }),
    z.looseObject({
      seq,
      columns: z.array(z.string()).meta({ description: 'Names of event fields.' }),
      rows: z.array(z.array(z.unknown())).min(1).meta({ description: 'Values in the order of the columns.' }),
    }),
  ])
  .meta({ id: 'Frame', description: 'One event, a list of events, or a frame of events or of columns and rows.' });

const count = z.int().nonnegative();

const answer = z.strictObject({
  accepted: count,
  rejected: count,
  duplicates: count,
  errors: z
    .array(z.strictObject({ index: count, code: z.string(), path: z.string(), message: z.string() }))
    .meta({ description: 'Of events that were refused, and names of fields that are not known.' }),
});

const frameCodes = [
  'frame_malformed',
  'frame_shape',
  'frame_empty',
  'frame_too_large',
  'frame_too_many_events',
  'seq_invalid',
  'seq_refused',
] as const;

export const idempotencyKeyCharactersMax = 256;

/** What `POST /v1/events` takes and answers. */
export const eventsOperation: ApiOperation = {
  id: 'sendEvents',
  tag: 'ingest',
  summary: 'Takes events; answers when they are on disk',
  headers: [
    {
      name: 'Idempotency-Key',
      meaning:
        'Makes a retry safe: a second request with the same key and body is dropped and gets the first answer. ' +
        'The header Idempotency-Answer says whether it is that (`first`) or was made again (`again`).',
      schema: z.string().min(1).max(idempotencyKeyCharactersMax),
    },
    { name: 'Content-Encoding', meaning: 'How the body is compressed.', schema: z.enum(['gzip', 'identity']) },
  ],
  body: {
    contentTypes: ['application/json', 'application/x-ndjson', 'application/msgpack'],
    schema: frame,
    example: { type: 'task.completed', agent_id: 'my-agent', task_id: 'task-1', duration_ms: 1200 },
  },
  status: 202,
  answer: { kind: 'json', schema: answer },
  errors: [
    'parameter_invalid',
    'idempotency_mismatch',
    'media_type_unsupported',
    'body_invalid',
    ...(Object.keys(eventErrors) as (keyof typeof eventErrors)[]),
    ...frameCodes,
    'spool_full',
    'clock_unset',
    'spool_failed',
  ],
};
