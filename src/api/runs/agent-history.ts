import { z } from 'zod';
import { type RunListRow, readRunRows } from '../../clickhouse/queries/runs/run-list.js';
import { runKind } from '../../clickhouse/queries/work/history-kind.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { instant } from '../../core/time-text.js';
import {
  costCentsSchema,
  countSchema,
  instantSchema,
  millisecondsSchema,
  optionalTextSchema,
  stringMapSchema,
  textSchema,
  tokensUnpricedSchema,
} from '../answers/answer-schema.js';
import { contextText, secondsText } from '../answers/answer-units.js';
import { noUsage, usageAnswer } from '../answers/usage.js';
import { type ApiContext, jsonReply, readWithin } from '../request/api-context.js';
import { cursorParameter } from '../request/page-cursor.js';
import { idParameter, integerParameter, parseParameters } from '../request/parameters.js';
import { statusParameter } from '../request/status-parameter.js';
import { countHistory } from '../work/history-count.js';
import { readHistoryPage } from '../work/history-page.js';
import { decodePosition, encodePosition, historyFilter, historySearch, offsetMax } from '../work/history-parameters.js';
import { newCrowds } from '../work/lease.js';
import { readerOf } from '../work/user-bound.js';
import { type RunPageFacts, runStatus } from './run-item.js';
import { runStatuses } from './run-stats.js';
import { readTotalsByRun } from './run-totals.js';

const parameters = z.strictObject({
  agent_id: idParameter.optional(),
  status: statusParameter(runStatuses).optional(),
  user_id: idParameter.optional(),
  environment: idParameter.optional(),
  model: idParameter.optional(),
  provider: idParameter.optional(),
  skip: integerParameter({ min: 0, max: offsetMax, fallback: 0 }),
  limit: integerParameter({ min: 1, max: 100, fallback: 20 }),
  cursor: cursorParameter.optional(),
});

const path = '/api/v1/agents/history';

/** As `runStatuses`, but for `success`. */
const historyStatuses = ['success', 'running', 'orphaned', 'failed', 'cancelled'] as const;

const historyRun = z
  .strictObject({
    run_id: textSchema,
    agent_id: textSchema,
    user_id: optionalTextSchema,
    environment: optionalTextSchema,
    model: optionalTextSchema,
    provider: optionalTextSchema,
    name: optionalTextSchema,
    status: z.enum(historyStatuses),
    state: z.enum(runStatuses),
    started_at: instantSchema,
    duration: optionalTextSchema.meta({ description: 'Seconds, such as 45s; null while it is not known.' }),
    duration_ms: millisecondsSchema,
    input: optionalTextSchema.meta({ description: 'The inputs as text; null without inputs.' }),
    output: optionalTextSchema.meta({ description: 'The outputs as text; null without outputs.' }),
    inputs: stringMapSchema,
    outputs: stringMapSchema,
    node_count: countSchema.meta({ description: 'Attempts of steps that ended, and tasks that ended.' }),
    tokens_used: countSchema,
    cost_cents: costCentsSchema,
    tokens_unpriced: tokensUnpricedSchema,
  })
  .meta({ id: 'AgentHistoryRun' });

const answer = z.array(historyRun).meta({
  id: 'AgentHistory',
  description:
    'The headers tell what an array has no room for: x-total-count, x-total-is-exact (false: there are at least so ' +
    'many), x-next-cursor and link where there are more.',
});

/** `GET /api/v1/agents/history`: the runs of the tenant with what went in and came out, newest start first. */
export function createAgentHistoryRoute(context: ApiContext): HttpRoute {
  const crowds = newCrowds(context.clock);
  return {
    method: 'GET',
    path,
    scope: 'read',
    byUser: true,
    operation: {
      id: 'listAgentHistory',
      tag: 'agents',
      summary: 'Runs with their inputs and outputs, newest start first',
      query: parameters,
      answer: { kind: 'json', schema: answer },
    },
    handle: (request, principal) => {
      const reader = readerOf(principal);
      const { tenant } = reader;
      const { limit, skip, cursor, ...given } = parseParameters(parameters, request.query);
      const after = decodePosition(cursor);
      const filter = historyFilter(context, reader, given);
      const search = historySearch(context, reader, { kind: runKind, filter, crowds });
      return readWithin(context, request, async (store) => {
        const page = await readHistoryPage(store, search, {
          limit,
          offset: skip,
          after,
          read: readRunRows,
          isCountedByPage: true,
          count: (known) => countHistory(store, search, known),
        });
        const totals = await readTotalsByRun(store, tenant, page.rows);
        const runs = page.rows.map((row) => historyItem(row, { totals, orphaned: page.orphaned }));
        return jsonReply(runs, 200, {
          'x-total-count': String(page.count.total),
          'x-total-is-exact': String(page.count.isExact),
          ...nextPage(request.query, encodePosition(page.next)),
        });
      });
    },
  };
}

/** RFC 8288; its target is relative to this endpoint. */
function nextPage(query: URLSearchParams, cursor: string | null): Record<string, string> {
  if (cursor === null) return {};
  const next = new URLSearchParams(query);
  next.delete('skip');
  next.set('cursor', cursor);
  return { 'x-next-cursor': cursor, link: `<${path}?${next}>; rel="next"` };
}

function historyItem(row: RunListRow, facts: RunPageFacts): z.output<typeof historyRun> {
  const totals = facts.totals.get(row.run_id);
  const { tokens, cost_cents, tokens_unpriced } = usageAnswer(totals ?? noUsage);
  const state = runStatus(row, facts);
  return {
    run_id: row.run_id,
    agent_id: row.agent_id,
    user_id: row.user_id,
    environment: row.environment,
    model: row.model,
    provider: row.provider,
    name: row.name,
    status: state === 'completed' ? 'success' : state,
    state,
    started_at: instant(row.started_ms ?? row.place_ms),
    duration: secondsText(row.duration_ms),
    duration_ms: row.duration_ms,
    input: contextText(row.inputs),
    output: contextText(row.outputs),
    inputs: row.inputs,
    outputs: row.outputs,
    node_count: (totals?.tasks_ended ?? 0) + (totals?.steps_ended ?? 0),
    tokens_used: tokens.total,
    cost_cents,
    tokens_unpriced,
  };
}
