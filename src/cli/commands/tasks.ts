import { ApiClient } from '../frame/api-client.js';
import { collectorAddress, collectorOptions } from '../frame/collector-address.js';
import { choice, defineCommand, text } from '../frame/command.js';
import { exitCodes } from '../frame/exit-codes.js';
import { pageOptions, readPages, tellNextPage } from '../frame/pages.js';
import { jsonOption } from '../frame/shared-options.js';
import { statusStyle } from '../frame/status-style.js';
import { printTable } from '../frame/table.js';
import { cost, count, duration, localTime, word, zoneOf } from '../frame/told-values.js';

export const tasksCommand = defineCommand({
  about: 'In their latest state, the newest start first.',
  arguments: {},
  options: {
    agent: text('ID', 'of this agent'),
    run: text('ID', 'of this run'),
    status: choice(['pending', 'running', 'completed', 'failed', 'cancelled', 'orphaned'], {
      fallback: undefined,
      says: 'in this state',
    }),
    crew: text('ID', 'of this crew'),
    flow: text('ID', 'of this flow'),
    user: text('ID', 'of this user'),
    environment: text('NAME', 'that ran there, such as production'),
    model: text('NAME', 'that used this model'),
    error: text('TEXT', 'whose error message has this in it'),
    from: text('TIME', 'started then or later: a UTC date or an RFC 3339 time'),
    to: text('TIME', 'started then or earlier'),
    ...pageOptions,
    ...jsonOption,
    ...collectorOptions,
  },
  examples: [{ command: 'tidemark tasks --agent planner --status running', says: 'what an agent is at' }],
  async run({ env, out, err }, { options }) {
    const api = new ApiClient(collectorAddress(env, options));
    const { agent, run, status, crew, flow, user, environment, model, error, from, to } = options;
    const filter = {
      ...{ agent_id: agent, run_id: run, status, crew_id: crew, flow_id: flow, user_id: user, environment, model },
      ...{ error_text: error, start_date_from: from, start_date_to: to },
    };
    const { first, rows, nextCursor } = await readPages(options, {
      read: (page) => api.get('/api/v1/monitoring/tasks', { query: { ...filter, ...page } }),
      rowsOf: ({ tasks }) => tasks,
    });
    if (options.json) {
      out.json({ ...first, tasks: rows, next_cursor: nextCursor });
      return exitCodes.done;
    }
    printTable(
      out,
      [
        { title: 'task', columnsMin: 28, text: (row) => row.task_id },
        { title: 'name', rank: 5, columnsMin: 10, text: (row) => word(row.name) },
        { title: 'status', text: (row) => row.state, style: (row) => statusStyle(row.state) },
        { title: 'agent', columnsMin: 12, text: (row) => row.agent_id },
        { title: 'run', rank: 4, columnsMin: 10, text: (row) => word(row.run_id) },
        { title: `started (${zoneOf(rows[0]?.start_time)})`, text: (row) => localTime(row.start_time) },
        { title: 'took', align: 'right', text: (row) => duration(row.duration_ms) },
        { title: 'tokens', align: 'right', rank: 3, text: (row) => count(row.tokens.total) },
        { title: 'cost', align: 'right', rank: 2, text: (row) => cost(row.cost_cents) },
        { title: 'error', rank: 1, columnsMin: 16, text: (row) => row.error_preview ?? '' },
      ],
      rows,
    );
    tellNextPage(err, { rows: rows.length, total: first.total, nextCursor });
    return exitCodes.done;
  },
});
