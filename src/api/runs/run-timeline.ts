import { z } from 'zod';
import type { RunKey } from '../../clickhouse/queries/work/run-activity.js';
import { readWorkAttempts } from '../../clickhouse/queries/work/work-attempts.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { instant, optionalInstant } from '../../core/time-text.js';
import { detailedUsageAnswer, noUsage } from '../answers/usage.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { cursorParameter, decodePageCursor, encodePageCursor } from '../request/page-cursor.js';
import { integerParameter, parseParameters } from '../request/parameters.js';
import { readerOf } from '../work/user-bound.js';
import { KeptReadings } from './kept-readings.js';
import { noKeptTasks, readKeptTasks } from './kept-tasks.js';
import { possibleRunId } from './run-path.js';
import { type RunRecord, readRunRecord } from './run-record.js';
import { createTimeline, type Timeline, timelineAttemptsMax } from './timeline.js';
import { timelineNode, timelineSchema } from './timeline-node.js';

const parameters = z.strictObject({
  limit: integerParameter({ min: 1, max: 5_000, fallback: 1_000 }),
  cursor: cursorParameter.optional(),
});

/** Place and key of the last node of a page. */
const cursorKey = z.tuple([z.int().nonnegative(), z.string()]);

/**
 * `GET /api/v1/runs/{run_id}/timeline`: the tree of a run, depth first, in pages. It is read and computed whole, so
 * that totals, offsets and the critical path are those of the run and not of the page; the pages after the first are
 * of the same reading when they are asked for soon.
 */
export function createRunTimelineRoute(context: ApiContext): HttpRoute {
  const kept = new KeptReadings<TimelineReading>(context.clock, { ageMsMax: keptMsMax, sizeMax: keptNodesMax });
  return {
    method: 'GET',
    path: '/api/v1/runs/{run_id}/timeline',
    scope: 'read',
    byUser: true,
    operation: {
      id: 'getRunTimeline',
      tag: 'runs',
      summary: 'The tasks and step attempts of a run as a tree, with usage and the critical path',
      query: parameters,
      answer: { kind: 'json', schema: timelineSchema },
      errors: ['not_found'],
    },
    handle: async (request, principal) => {
      const { tenant, user } = readerOf(principal);
      const { limit, cursor } = parseParameters(parameters, request.query);
      const after = decodePageCursor(cursorKey, cursor);
      const key = { tenant, runId: possibleRunId(request.params.run_id ?? '') };
      const name = JSON.stringify([tenant, user, key.runId]);
      const known = after === undefined ? undefined : kept.get(name);
      const reading =
        known ?? (await readWithin(context, request, (store) => readWhole(context, store, { ...key, user })));
      const answer = timelineAnswer(reading, { limit, start: pageStart(reading.timeline, after) });
      if (answer.next_cursor === null) kept.drop(name);
      else if (known === undefined) kept.keep(name, reading, reading.timeline.nodes.length);
      return jsonReply(answer);
    },
  };
}

const keptMsMax = 10_000;
/** Of all timelines that are kept together, some 40 MB; one may have 20,000. */
const keptNodesMax = 40_000;

/** After the node the last page ended with, wherever it is now; at its former place when it is gone. */
function pageStart({ nodes }: Timeline, after: z.output<typeof cursorKey> | undefined): number {
  if (after === undefined) return 0;
  const [place, key] = after;
  if (nodes[place]?.work.key === key) return place + 1;
  const moved = nodes.findIndex(({ work }) => work.key === key);
  return moved === -1 ? place : moved + 1;
}

/** A timeline as it was read, of which pages are cut. */
interface TimelineReading {
  readonly record: RunRecord;
  readonly timeline: Timeline;
  /** Of the run in the store, those that were left out too. */
  readonly attempts: number;
  /** Tasks of an expired run that were not read. */
  readonly left: number;
}

async function readWhole(
  context: ApiContext,
  store: StoreReader,
  { user, ...key }: RunKey & { readonly user: string | null },
): Promise<TimelineReading> {
  const record = await readRunRecord(context, store, key, user);
  // One row more: that of the run.
  const rowsMax = timelineAttemptsMax + 1;
  const rows = record.scope === null ? [] : await readWorkAttempts(store, record.scope, { limit: rowsMax });
  const { kept, left } = record.stepsExpired ? await readKeptTasks(store, { ...key, user }, rows) : noKeptTasks;
  const timeline = createTimeline(record, [...rows, ...kept]);
  return { record, timeline, attempts: (rows[0]?.total_attempts ?? 0) + kept.length + left, left };
}

function timelineAnswer(
  { record, timeline, attempts, left }: TimelineReading,
  { limit, start }: { readonly limit: number; readonly start: number },
) {
  const { nodes, originMs } = timeline;
  const [root] = nodes;
  const page = nodes.slice(start, start + limit);
  const last = start + page.length < nodes.length ? page.at(-1) : undefined;
  const state = record.state;
  return {
    run_id: record.key.runId,
    name: state?.name ?? null,
    status: record.status,
    started_at: optionalInstant(timeline.startedMs),
    ended_at: optionalInstant(timeline.endedMs),
    duration_ms: timeline.durationMs,
    origin: instant(originMs),
    total_nodes: nodes.length,
    total_attempts: attempts,
    truncated: attempts > timelineAttemptsMax || left > 0,
    steps_expired: record.stepsExpired,
    total: detailedUsageAnswer(root?.total ?? noUsage),
    critical_path: {
      duration_ms: root === undefined ? 0 : root.work.endMs - root.work.startMs,
      nodes: nodes.reduce((count, { criticalMs }) => count + (criticalMs === null ? 0 : 1), 0),
    },
    nodes: page.map((node) => timelineNode(node, timeline, record)),
    limit,
    next_cursor: last === undefined ? null : encodePageCursor([start + page.length - 1, last.work.key]),
  };
}
