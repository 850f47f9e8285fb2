import { z } from 'zod';
import { type ErasureRow, readErasures } from '../../clickhouse/queries/operations/erasures.js';
import { CollectorError } from '../../core/errors.js';
import type { ErasureReport, ErasureRequest } from '../../core/ports/data-eraser.js';
import type { HttpReply, HttpRoute } from '../../core/ports/http-route.js';
import { quoted } from '../../core/problem.js';
import { instant, optionalInstant } from '../../core/time-text.js';
import { countSchema, instantSchema, optionalInstantSchema, textSchema } from '../answers/answer-schema.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { parseJsonBody } from '../request/json-body.js';
import {
  idCharactersMax,
  idParameter,
  integerParameter,
  isPossibleId,
  parseParameters,
} from '../request/parameters.js';

/**
 * `DELETE /api/v1/runs/{run_id}`, `DELETE /api/v1/users/{user_id}`: erase what the store holds of a run or a person.
 * `POST /api/v1/erasures`: the same of many runs at once.
 * `GET /api/v1/monitoring/erasures`: the requests so far.
 */
export function createErasureRoutes(context: ApiContext): HttpRoute[] {
  return [
    createEraseRunsRoute(context),
    createEraseRoute(context, { kind: 'run', path: '/api/v1/runs/{run_id}', parameter: 'run_id', id: 'eraseRun' }),
    createEraseRoute(context, { kind: 'user', path: '/api/v1/users/{user_id}', parameter: 'user_id', id: 'eraseUser' }),
    createErasuresRoute(context),
  ];
}

const reportShape = {
  erasure_id: textSchema,
  kind: z.enum(['run', 'user']),
  status: z
    .enum(['completed', 'pending'])
    .meta({ description: 'Pending: events received before it wait for their insert; it is completed after them.' }),
  requested_at: instantSchema,
  completed_at: optionalInstantSchema,
  rows: z.record(z.string(), countSchema).meta({ description: 'Rows erased, by table.' }),
};
const reportSchema = z
  .strictObject({ ...reportShape, ids: countSchema.meta({ description: 'Runs or people it is about.' }) })
  .meta({ id: 'Erasure' });
const noParameters = z.strictObject({});

interface Subject {
  readonly kind: ErasureRequest['kind'];
  readonly path: string;
  readonly parameter: string;
  readonly id: string;
}

function createEraseRoute({ eraser }: ApiContext, { kind, path, parameter, id }: Subject): HttpRoute {
  const what = kind === 'run' ? 'a run' : 'what belongs to a person';
  return {
    method: 'DELETE',
    path,
    scope: 'admin',
    operation: {
      id,
      tag: 'administration',
      summary: `Erases ${what} from the store; 202 while events received before it wait for their insert`,
      query: noParameters,
      answer: { kind: 'json', schema: reportSchema, alsoStatuses: [202] },
      errors: ['not_found'],
    },
    handle: async (request, { tenant, keyName }) => {
      parseParameters(noParameters, request.query);
      const subject = request.params[parameter] ?? '';
      if (!isPossibleId(subject)) {
        throw new CollectorError('not_found', `cannot erase ${quoted(subject)}: no event can carry this ${parameter}`);
      }
      const report = await erased(() => eraser.erase({ tenant, kind, ids: [subject], requestedBy: keyName }));
      return reportReply(report);
    },
  };
}

/** Deliveries stand still while a list goes: the bound keeps that to seconds. */
const runsMax = 1_000;
const runsExpected = `expected 1 to ${runsMax} ids of runs, each once`;

const runsSchema = z.strictObject({
  runs: z
    .array(z.string().refine(isPossibleId, 'no event can carry this run_id').meta({ maxLength: idCharactersMax }), {
      error: runsExpected,
    })
    .min(1, runsExpected)
    .max(runsMax, runsExpected)
    .refine((ids) => new Set(ids).size === ids.length, runsExpected)
    .meta({ uniqueItems: true }),
});

/** So many of the longest ids, every character escaped as two `\uXXXX`. */
const runsBytesMax = 4 * 1_048_576;

function createEraseRunsRoute({ eraser }: ApiContext): HttpRoute {
  return {
    method: 'POST',
    path: '/api/v1/erasures',
    scope: 'admin',
    bodyBytesMax: runsBytesMax,
    operation: {
      id: 'eraseRuns',
      tag: 'administration',
      summary: 'Erases a list of runs as one request; 202 while events received before it wait for their insert',
      query: noParameters,
      body: { contentTypes: ['application/json'], schema: runsSchema, example: { runs: ['run-that-nobody-told'] } },
      answer: { kind: 'json', schema: reportSchema, alsoStatuses: [202] },
      errors: ['media_type_unsupported', 'body_too_large', 'body_invalid'],
    },
    handle: async (request, { tenant, keyName }) => {
      parseParameters(noParameters, request.query);
      const { runs } = parseJsonBody(runsSchema, request);
      const report = await erased(() => eraser.erase({ tenant, kind: 'run', ids: runs, requestedBy: keyName }));
      return { ...reportReply(report), audited: { runs: runs.length, erasure_id: report.erasureId } };
    },
  };
}

function reportReply(report: ErasureReport): HttpReply {
  return jsonReply(reportAnswer(report), report.completedMs === null ? 202 : 200);
}

/** What is an operator's matter in the store is a store that is away to who asked. */
async function erased(erase: () => Promise<ErasureReport>): Promise<ErasureReport> {
  try {
    return await erase();
  } catch (error) {
    if (!(error instanceof CollectorError) || !error.code.startsWith('store_')) throw error;
    throw new CollectorError('store_unavailable', 'cannot erase: the store cannot take the request', { cause: error });
  }
}

function reportAnswer(report: ErasureReport): z.output<typeof reportSchema> {
  return {
    erasure_id: report.erasureId,
    kind: report.kind,
    ids: report.ids,
    status: report.completedMs === null ? 'pending' : 'completed',
    requested_at: instant(report.requestedMs),
    completed_at: optionalInstant(report.completedMs),
    rows: { ...report.rows },
  };
}

const listParameters = z.strictObject({
  id: idParameter.optional(),
  limit: integerParameter({ min: 1, max: 100, fallback: 20 }),
});
const itemSchema = z
  .strictObject({
    ...reportShape,
    ids: countSchema.nullable().meta({
      description: 'Runs or people it is about; null before it is complete, and once their hashes have expired.',
    }),
    requested_by: textSchema.meta({ description: 'Name of the key it was asked with.' }),
    late_rows: countSchema.meta({ description: 'Rows of events that came later and were erased as well.' }),
    purged_at: optionalInstantSchema.meta({ description: 'When no data file of the store held any of it any more.' }),
  })
  .meta({ id: 'ErasureRecord' });
const listSchema = z.strictObject({ erasures: z.array(itemSchema), limit: countSchema });

function createErasuresRoute(context: ApiContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/monitoring/erasures',
    scope: 'admin',
    operation: {
      id: 'listErasures',
      tag: 'administration',
      summary: 'What was erased, newest first; of one run or person with its id',
      query: listParameters,
      answer: { kind: 'json', schema: listSchema },
    },
    handle: (request, { tenant }) => {
      const { id = null, limit } = parseParameters(listParameters, request.query);
      return readWithin(context, request, async (store) => {
        const rows = await readErasures(store, { tenant, id, limit });
        return jsonReply({ erasures: rows.map(erasureItem), limit });
      });
    },
  };
}

function erasureItem(row: ErasureRow): z.output<typeof itemSchema> {
  return {
    erasure_id: row.erasure_id,
    kind: row.kind,
    ids: row.ids === 0 ? null : row.ids,
    status: row.completed_ms === null ? 'pending' : 'completed',
    requested_at: instant(row.requested_ms),
    completed_at: optionalInstant(row.completed_ms),
    rows: row.rows,
    requested_by: row.requested_by,
    late_rows: row.late_rows,
    purged_at: optionalInstant(row.purged_ms),
  };
}
