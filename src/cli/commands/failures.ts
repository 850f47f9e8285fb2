import { ApiClient } from '../frame/api-client.js';
import { collectorAddress, collectorOptions } from '../frame/collector-address.js';
import { choice, defineCommand, text } from '../frame/command.js';
import { exitCodes } from '../frame/exit-codes.js';
import { pageOptions, readPages, tellNextPage } from '../frame/pages.js';
import { jsonOption } from '../frame/shared-options.js';
import { statusStyle } from '../frame/status-style.js';
import { printTable } from '../frame/table.js';
import { cost, duration, localTime, word, zoneOf } from '../frame/told-values.js';

const categories = ['tool', 'model', 'retrieval', 'orchestration', 'infra', 'guardrail', 'user'] as const;

export const failuresCommand = defineCommand({
  about: 'Of runs, tasks and steps, the newest first: failed for good, retried, or recovered by a later attempt.',
  arguments: {},
  options: {
    kind: choice(['run', 'task', 'step'], { fallback: undefined, says: 'what failed' }),
    category: choice(categories, { fallback: undefined, says: 'of this category' }),
    code: text('CODE', 'of this error code'),
    agent: text('ID', 'of this agent'),
    run: text('ID', 'of this run'),
    model: text('NAME', 'of this model'),
    environment: text('NAME', 'that ran there, such as production'),
    from: text('TIME', 'begin of the range: a UTC date or an RFC 3339 time'),
    to: text('TIME', 'its end; now when not given'),
    ...pageOptions,
    ...jsonOption,
    ...collectorOptions,
  },
  examples: [{ command: 'tidemark failures --category tool --agent planner', says: 'which tools failed an agent' }],
  async run({ env, out, err }, { options }) {
    const api = new ApiClient(collectorAddress(env, options));
    const { kind, category, code, agent, run, model, environment, from, to } = options;
    const filter = { kind, category, code, agent_id: agent, run_id: run, model, environment, from, to };
    const { first, rows, nextCursor } = await readPages(options, {
      read: (page) => api.get('/api/v1/failures', { query: { ...filter, ...page } }),
      rowsOf: ({ failures }) => failures,
    });
    if (options.json) {
      out.json({ ...first, failures: rows, next_cursor: nextCursor });
      return exitCodes.done;
    }
    printTable(
      out,
      [
        { title: `failed (${zoneOf(rows[0]?.failed_at)})`, text: (row) => localTime(row.failed_at) },
        { title: 'kind', rank: 4, text: (row) => row.kind },
        { title: 'outcome', text: (row) => row.status, style: (row) => statusStyle(row.status) },
        { title: 'agent', columnsMin: 10, text: (row) => row.agent_id },
        { title: 'name', rank: 6, columnsMin: 8, text: (row) => word(row.name) },
        { title: 'run', rank: 5, columnsMin: 12, text: (row) => word(row.run_id) },
        { title: 'category', text: (row) => word(row.error_category) },
        { title: 'code', rank: 3, columnsMin: 8, text: (row) => word(row.error_code) },
        { title: 'took', align: 'right', rank: 7, text: (row) => duration(row.duration_ms) },
        { title: 'cost', align: 'right', rank: 8, text: (row) => cost(row.cost_cents) },
        { title: 'error', columnsMin: 12, text: (row) => word(row.error_message) },
      ],
      rows,
    );
    tellNextPage(err, { rows: rows.length, nextCursor });
    return exitCodes.done;
  },
});
