import { z } from 'zod';
import type { FailureExampleRow } from '../../clickhouse/queries/failures/failure-examples.js';
import type { FailureGroupRow } from '../../clickhouse/queries/failures/failure-group-row.js';
import { failureGroupings } from '../../clickhouse/queries/failures/failure-grouping.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { instant, optionalInstant } from '../../core/time-text.js';
import {
  countSchema,
  instantSchema,
  optionalInstantSchema,
  optionalTextSchema,
  textSchema,
} from '../answers/answer-schema.js';
import { percentDigits } from '../answers/answer-units.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { bucketNames, bucketsOf, checkFailureRange, failureRangeShape, failureSpan } from '../request/event-range.js';
import { integerParameter, parseParameters, wordParameter } from '../request/parameters.js';
import { type BreakdownAsked, exampleRunsMax, readBreakdown } from './breakdown-reading.js';
import { failureCounts, failureCountsShape, runLink } from './failure-answer.js';
import { failureFilterShape } from './failure-list.js';

const seriesSchema = z
  .array(countSchema)
  .meta({ description: 'Failed attempts in each of the buckets, in their order.' });

const shareSchema = z.number().min(0).max(100).meta({ description: 'Percent of all failed attempts of the answer.' });

const groupSchema = z
  .strictObject({
    key: optionalTextSchema.meta({ description: 'What the group has in common; null where it was not reported.' }),
    share: shareSchema,
    ...failureCountsShape,
    series: seriesSchema,
    examples: z
      .array(z.strictObject({ run_id: textSchema, last_failed_at: instantSchema, link: textSchema }))
      .max(exampleRunsMax),
  })
  .meta({ id: 'FailureGroup' });

const answer = z
  .strictObject({
    group_by: z.enum(failureGroupings),
    from: instantSchema,
    to: instantSchema,
    limit: countSchema,
    total_groups: countSchema,
    outcomes_as_of: optionalInstantSchema.meta({
      description:
        'Null: what was retried and recovered is as of now. A time: as of then, because very much came since.',
    }),
    totals: z.strictObject(failureCountsShape),
    step: z.enum(bucketNames).meta({ description: 'Length of a bucket, chosen from the range.' }),
    buckets: z.array(instantSchema).meta({ description: 'Start of each bucket.' }),
    groups: z.array(groupSchema),
    other: z
      .strictObject({ groups: countSchema, share: shareSchema, ...failureCountsShape, series: seriesSchema })
      .nullable()
      .meta({ description: 'What is in no listed group; null when nothing is.' }),
  })
  .meta({ id: 'FailureBreakdown' });

/** `GET /api/v1/failures/breakdown`: failed attempts in groups, the largest first, and over time. */
export function createFailureBreakdownRoute(context: ApiContext): HttpRoute {
  const nowMs = () => context.clock.nowMs();
  const parameters = z
    .strictObject({
      group_by: wordParameter(failureGroupings).default('category'),
      ...failureFilterShape,
      ...failureRangeShape,
      limit: integerParameter({ min: 1, max: 100, fallback: 20 }),
    })
    .superRefine(checkFailureRange(context.options.rangeDaysMax, nowMs));
  return {
    method: 'GET',
    path: '/api/v1/failures/breakdown',
    scope: 'read',
    byUser: true,
    operation: {
      id: 'getFailureBreakdown',
      tag: 'failures',
      summary: 'Failed attempts in groups: counts, what was retried and recovered, what was wasted, and over time',
      query: parameters,
      answer: { kind: 'json', schema: answer },
    },
    handle: (request, { tenant, user = null }) => {
      const { group_by: groupBy, limit, ...given } = parseParameters(parameters, request.query);
      const span = failureSpan(given, nowMs());
      const filter = {
        tenant,
        kind: given.kind,
        category: given.category,
        code: given.code,
        agentId: given.agent_id,
        environment: given.environment,
        model: given.model,
        provider: given.provider,
        userId: user ?? undefined,
      };
      return readWithin(context, request, async (store) =>
        jsonReply(await breakdown(store, { filter, span, groupBy, limit })),
      );
    },
  };
}

async function breakdown(store: StoreReader, asked: BreakdownAsked): Promise<z.input<typeof answer>> {
  const { span, groupBy, limit } = asked;
  const buckets = bucketsOf(span);
  const { top, other, total, outcomesMs, examples } = await readBreakdown(store, asked, buckets);
  const count = total?.count ?? 0;
  const share = (row: FailureGroupRow) => percentDigits((100 * row.count) / count);
  return {
    group_by: groupBy,
    from: instant(span.fromMs),
    to: instant(span.toMs),
    limit,
    total_groups: top.length + (other?.groups ?? 0),
    outcomes_as_of: optionalInstant(outcomesMs),
    totals: failureCounts(total),
    step: buckets.name,
    buckets: buckets.startsMs.map(instant),
    groups: top.map((row) => ({
      key: row.key === '' ? null : row.key,
      share: share(row),
      ...failureCounts(row),
      series: row.series,
      examples: examples.filter(({ key }) => key === row.key).map(exampleItem),
    })),
    other:
      other === null
        ? null
        : { groups: other.groups, share: share(other), ...failureCounts(other), series: other.series },
  };
}

function exampleItem({ run_id: runId, last_failed_ms: lastFailedMs }: FailureExampleRow) {
  return { run_id: runId, last_failed_at: instant(lastFailedMs), link: runLink(runId) };
}
