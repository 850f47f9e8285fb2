import { ApiClient } from '../frame/api-client.js';
import { collectorAddress, collectorOptions } from '../frame/collector-address.js';
import { defineCommand } from '../frame/command.js';
import { exitCodes } from '../frame/exit-codes.js';
import { pageOptions, readPages, tellNextPage } from '../frame/pages.js';
import { jsonOption } from '../frame/shared-options.js';
import { printTable } from '../frame/table.js';
import { count, localTime, percent, word, zoneOf } from '../frame/told-values.js';

export const agentsCommand = defineCommand({
  about: 'By id; the figures are of the last 24 hours.',
  arguments: {},
  options: { ...pageOptions, ...jsonOption, ...collectorOptions },
  examples: [
    { command: 'tidemark agents', says: 'who there is, and how they do' },
    { command: 'tidemark agents --all --json', says: 'all of them for a program' },
  ],
  async run({ env, out, err }, { options }) {
    const api = new ApiClient(collectorAddress(env, options));
    const { first, rows, nextCursor } = await readPages(options, {
      read: (query) => api.get('/api/v1/agents', { query }),
      rowsOf: ({ agents }) => agents,
    });
    if (options.json) {
      out.json({ ...first, agents: rows, next_cursor: nextCursor });
      return exitCodes.done;
    }
    printTable(
      out,
      [
        { title: 'agent', columnsMin: 16, text: (row) => row.agent_id },
        { title: 'name', rank: 3, columnsMin: 10, text: (row) => word(row.agent_name) },
        { title: 'executions', align: 'right', text: (row) => count(row.executions_24h) },
        { title: 'failed', align: 'right', text: (row) => count(row.failed_24h) },
        { title: 'success', align: 'right', text: (row) => percent(row.success_rate_24h) },
        { title: `last seen (${zoneOf(rows[0]?.last_seen)})`, rank: 2, text: (row) => localTime(row.last_seen) },
      ],
      rows,
    );
    tellNextPage(err, { rows: rows.length, nextCursor });
    return exitCodes.done;
  },
});
