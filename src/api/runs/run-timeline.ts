import { z } from 'zod';
import { readWorkAttempts } from '../../clickhouse/queries/work/work-attempts.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { instant, optionalInstant } from '../../core/time-text.js';
import { detailedUsageAnswer, noUsage } from '../answers/usage.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { cursorParameter, decodePageCursor, encodePageCursor } from '../request/page-cursor.js';
import { integerParameter, parseParameters } from '../request/parameters.js';
import { readerOf } from '../work/user-bound.js';
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
 * `GET /api/v1/runs/{run_id}/timeline`: the tree of a run, depth first, in pages. Each page is read and computed from
 * the whole run, so that totals, offsets and the critical path are those of the run and not of the page.
 */
export function createRunTimelineRoute(context: ApiContext): HttpRoute {
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
    handle: (request, principal) => {
      const { tenant, user } = readerOf(principal);
      const { limit, cursor } = parseParameters(parameters, request.query);
      const after = decodePageCursor(cursorKey, cursor);
      const key = { tenant, runId: possibleRunId(request.params.run_id ?? '') };
      return readWithin(context, request, async (store) => {
        const record = await readRunRecord(context, store, key, user);
        // One row more: that of the run.
        const rowsMax = timelineAttemptsMax + 1;
        const rows = record.scope === null ? [] : await readWorkAttempts(store, record.scope, { limit: rowsMax });
        const { kept, left } = record.stepsExpired ? await readKeptTasks(store, { ...key, user }, rows) : noKeptTasks;
        const timeline = createTimeline(record, [...rows, ...kept]);
        const attempts = (rows[0]?.total_attempts ?? 0) + kept.length + left;
        return jsonReply(
          timelineAnswer(record, timeline, { attempts, left, limit, start: pageStart(timeline, after) }),
        );
      });
    },
  };
}

/** After the node the last page ended with, wherever it is now; at its former place when it is gone. */
function pageStart({ nodes }: Timeline, after: z.output<typeof cursorKey> | undefined): number {
  if (after === undefined) return 0;
  const [place, key] = after;
  if (nodes[place]?.work.key === key) return place + 1;
  const moved = nodes.findIndex(({ work }) => work.key === key);
  return moved === -1 ? place : moved + 1;
}

interface TimelinePage {
  /** Of the run in the store, those that were left out too. */
  readonly attempts: number;
  /** Tasks of an expired run that were not read. */
  readonly left: number;
  readonly limit: number;
  readonly start: number;
}

function timelineAnswer(record: RunRecord, timeline: Timeline, { attempts, left, limit, start }: TimelinePage) {
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
