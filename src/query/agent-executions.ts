import { z } from 'zod';
import { runKind } from '../clickhouse/queries/history-kind.js';
import { type RunListRow, readRunRows } from '../clickhouse/queries/run-list.js';
import type { HttpRoute } from '../core/ports.js';
import {
  costCentsSchema,
  countSchema,
  instantSchema,
  millisecondsSchema,
  optionalTextSchema,
  stringMapSchema,
  textSchema,
} from './answer-schema.js';
import { costCents, instant } from './answer-units.js';
import { countHistory, totalShape } from './history-count.js';
import { readHistoryPage } from './history-page.js';
import { historyFilter, leaseOf, offsetMax } from './history-parameters.js';
import { idParameter, integerParameter, parseParameters, wordParameter } from './parameters.js';
import { jsonReply, type QueryContext, readWithin } from './query-context.js';
import { type RunPageFacts, runStatus } from './run-item.js';
import { runStatuses } from './run-stats.js';
import { readTotalsByRun, totalUsage } from './run-totals.js';

const parameters = z.strictObject({
  agent_id: idParameter.optional(),
  status: wordParameter(runStatuses).optional(),
  user_id: idParameter.optional(),
  skip: integerParameter({ min: 0, max: offsetMax, fallback: 0 }),
  limit: integerParameter({ min: 1, max: 100, fallback: 20 }),
});

const execution = z
  .strictObject({
    run_id: textSchema,
    agent_id: textSchema,
    user_id: optionalTextSchema,
    name: optionalTextSchema,
    status: z.enum(runStatuses),
    started_at: instantSchema,
    duration: millisecondsSchema,
    input: stringMapSchema,
    output: stringMapSchema,
    node_count: countSchema.meta({ description: 'Attempts of steps that ended, and tasks that ended.' }),
    tokens_used: countSchema,
    cost_cents: costCentsSchema,
  })
  .meta({ id: 'Execution' });

const answer = z
  .strictObject({ executions: z.array(execution), ...totalShape, skip: countSchema, limit: countSchema })
  .meta({ id: 'ExecutionPage' });

/** `GET /api/v1/agents/history`: the runs of the tenant with what went in and came out, newest start first. */
export function createAgentExecutionsRoute(context: QueryContext): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/agents/history',
    scope: 'read',
    operation: {
      id: 'listExecutions',
      tag: 'agents',
      summary: 'Runs with their inputs and outputs, newest start first',
      query: parameters,
      answer: { kind: 'json', schema: answer },
    },
    handle: (request, { tenant }) => {
      const { limit, skip, ...given } = parseParameters(parameters, request.query);
      const search = { kind: runKind, filter: historyFilter(context, tenant, given), lease: leaseOf(context, tenant) };
      return readWithin(context, request, async (store) => {
        const page = await readHistoryPage(store, search, {
          limit,
          offset: skip,
          read: readRunRows,
          count: (known) => countHistory(store, search, known),
        });
        const totals = await readTotalsByRun(store, tenant, page.rows);
        return jsonReply({
          executions: page.rows.map((row) => executionItem(row, { totals, orphaned: page.orphaned })),
          total: page.count.total,
          total_is_exact: page.count.isExact,
          skip,
          limit,
        });
      });
    },
  };
}

function executionItem(row: RunListRow, facts: RunPageFacts): z.output<typeof execution> {
  const totals = facts.totals.get(row.place_id);
  const { tokensIn, tokensOut, costMicros } = totalUsage(totals);
  return {
    run_id: row.place_id,
    agent_id: row.agent,
    user_id: row.user_id,
    name: row.name,
    status: runStatus(row, facts),
    started_at: instant(row.place_ms),
    duration: row.took_ms,
    input: row.inputs,
    output: row.outputs,
    node_count: (totals?.ended_tasks ?? 0) + (totals?.ended_steps ?? 0),
    tokens_used: tokensIn + tokensOut,
    cost_cents: costCents(costMicros),
  };
}
