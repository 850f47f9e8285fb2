import { z } from 'zod';
import type { RunKey } from '../../clickhouse/queries/work/run-activity.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { instant, optionalInstant } from '../../core/time-text.js';
import { turnOfOthers } from '../../core/turn-of-others.js';
import { detailedUsageAnswer } from '../answers/usage.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { cursorParameter, decodePageCursor, encodePageCursor } from '../request/page-cursor.js';
import { integerParameter, parseParameters } from '../request/parameters.js';
import { KeptReadings } from '../work/kept-readings.js';
import { readerOf } from '../work/user-bound.js';
import { noKeptTasks, readKeptTasks } from './kept-tasks.js';
import { possibleRunId } from './run-path.js';
import { type RunRecord, readAllRunAttempts, readRunRecord } from './run-record.js';
import { createTimeline, type Timeline, timelineAttemptsMax } from './timeline.js';
import { timelineNode, timelineSchema } from './timeline-node.js';
import { workKey } from './work-tree.js';

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

/** More of them are laid out in a turn of the event loop of their own. */
const rowsAtOnceMax = 1_000;
const keptMsMax = 10_000;
/** Of all timelines that are kept together, some 40 MB; one may have 20,000. */
const keptNodesMax = 40_000;

/** After the node the last page ended with, wherever it is now; at its former place when it is gone. */
function pageStart({ nodes }: Timeline, after: z.output<typeof cursorKey> | undefined): number {
  if (after === undefined) return 0;
  const [place, key] = after;
  const same = nodes[place];
  if (same !== undefined && workKey(same) === key) return place + 1;
  const moved = nodes.findIndex((node) => workKey(node) === key);
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
  const rows = await readAllRunAttempts(store, record, { limit: rowsMax });
  const { kept, left } = record.stepsExpired ? await readKeptTasks(store, { ...key, user }, rows) : noKeptTasks;
  if (rows.length > rowsAtOnceMax) await turnOfOthers();
  const timeline = createTimeline(record, [...rows, ...kept]);
  const own = rows.length < rowsMax ? rows.filter(({ kind }) => kind !== 'run').length : rows[0]!.total_attempts;
  return { record, timeline, attempts: own + kept.length + left, left };
}

function timelineAnswer(
  { record, timeline, attempts, left }: TimelineReading,
  { limit, start }: { readonly limit: number; readonly start: number },
) {
  const { nodes, originMs } = timeline;
  const [root] = nodes;
  const end = Math.min(nodes.length, start + limit);
  const last = end < nodes.length ? nodes[end - 1] : undefined;
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
    total: detailedUsageAnswer(timeline.totals.of(0)),
    critical_path: {
      duration_ms: root === undefined ? 0 : root.endMs - root.startMs,
      nodes: timeline.criticalMs.reduce((count: number, ownMs) => count + (ownMs === null ? 0 : 1), 0),
    },
    nodes: Array.from({ length: Math.max(0, end - start) }, (_, at) => timelineNode(start + at, timeline, record)),
    limit,
    next_cursor: last === undefined ? null : encodePageCursor([end - 1, workKey(last)]),
  };
}
