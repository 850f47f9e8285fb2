import { ApiClient } from '../frame/api-client.js';
import { collectorAddress, collectorOptions } from '../frame/collector-address.js';
import { choice, defineCommand, text } from '../frame/command.js';
import { exitCodes } from '../frame/exit-codes.js';
import { pageOptions, readPages, tellNextPage } from '../frame/pages.js';
import { jsonOption } from '../frame/shared-options.js';
import { statusStyle } from '../frame/status-style.js';
import { printTable } from '../frame/table.js';
import { cost, count, duration, localTime, percent, pricedCost, zoneOf } from '../frame/told-values.js';

export const runsCommand = defineCommand({
  about: 'In their latest state, the newest start first. A cost is a dash where nobody reported or priced it.',
  arguments: {},
  options: {
    agent: text('ID', 'of this agent'),
    status: choice(['running', 'orphaned', 'completed', 'failed', 'cancelled'], {
      fallback: undefined,
      says: 'in this state',
    }),
    flow: text('ID', 'of this flow'),
    user: text('ID', 'of this user'),
    session: text('ID', 'of this session'),
    environment: text('NAME', 'that ran there, such as production'),
    model: text('NAME', 'that used this model'),
    error: text('TEXT', 'whose error message has this in it'),
    from: text('TIME', 'started then or later: a UTC date or an RFC 3339 time'),
    to: text('TIME', 'started then or earlier'),
    ...pageOptions,
    ...jsonOption,
    ...collectorOptions,
  },
  examples: [
    { command: 'tidemark runs --status failed --from 2026-11-20', says: 'what failed since then' },
    { command: 'tidemark runs --agent planner --all --json', says: 'every run of an agent, for a program' },
  ],
  async run({ env, out, err }, { options }) {
    const api = new ApiClient(collectorAddress(env, options));
    const { agent, status, flow, user, session, environment, model, error, from, to } = options;
    const filter = {
      ...{ agent_id: agent, status, flow_id: flow, user_id: user, session_id: session, environment, model },
      ...{ error_text: error, start_date_from: from, start_date_to: to },
    };
    const { first, rows, nextCursor } = await readPages(options, {
      read: (page) => api.get('/api/v1/runs', { query: { ...filter, ...page } }),
      rowsOf: ({ runs }) => runs,
    });
    if (options.json) {
      out.json({ ...first, runs: rows, next_cursor: nextCursor });
      return exitCodes.done;
    }
    printTable(
      out,
      [
        { title: 'run', columnsMin: 28, text: (row) => row.run_id },
        { title: 'status', text: (row) => row.status, style: (row) => statusStyle(row.status) },
        { title: 'agent', columnsMin: 12, text: (row) => row.agent_id },
        { title: `started (${zoneOf(rows[0]?.started_at)})`, text: (row) => localTime(row.started_at) },
        { title: 'took', align: 'right', text: (row) => duration(row.duration_ms) },
        { title: 'tasks', align: 'right', rank: 4, text: (row) => count(row.tasks_ended) },
        { title: 'steps', align: 'right', rank: 4, text: (row) => count(row.steps_ended) },
        { title: 'tokens', align: 'right', rank: 3, text: (row) => count(row.total.tokens.total) },
        { title: 'cost', align: 'right', rank: 2, text: (row) => cost(row.total.cost_cents) },
        { title: 'error', rank: 1, columnsMin: 16, text: (row) => row.error_preview ?? '' },
      ],
      rows,
    );
    const { stats } = first;
    if (first.total > 0) {
      const runs = `${count(first.total)}${first.total_is_exact ? '' : ' or more'} runs`;
      const rates = `success ${percent(stats.success_rate)}, p95 ${duration(stats.p95_duration_ms)}`;
      err.line(`${runs}, ${rates}, cost ${pricedCost(stats)}`);
    }
    tellNextPage(err, { rows: rows.length, total: first.total, nextCursor });
    return exitCodes.done;
  },
});
