import { ApiClient } from '../frame/api-client.js';
import { collectorAddress, collectorOptions } from '../frame/collector-address.js';
import { defineCommand, requiredText, text } from '../frame/command.js';
import { exitCodes } from '../frame/exit-codes.js';
import { jsonOption } from '../frame/shared-options.js';
import { count, duration } from '../frame/told-values.js';

export const aggregateCommand = defineCommand({
  about:
    'Recomputes a UTC day that is over from its distinct raw events, compares it with the daily rollup, and rewrites ' +
    'what differs. The collector does so by itself after midnight; the key must have the scope admin.',
  arguments: {},
  options: {
    day: requiredText('YYYY-MM-DD', 'the UTC day'),
    agent: text('ID', 'only of this agent'),
    ...jsonOption,
    ...collectorOptions,
  },
  examples: [{ command: 'tidemark aggregate --day 2026-11-20', says: 'after events came late' }],
  async run({ env, out }, { options }) {
    const api = new ApiClient(collectorAddress(env, options));
    const query = { agent_id: options.agent };
    const report = await api.post('/api/v1/maintenance/days/{day}', { path: { day: options.day }, query });
    if (options.json) out.json(report);
    else {
      const of = `${count(report.agents)} agents, ${count(report.events)} events`;
      const repaired = `${count(report.agents_repaired)} agents were rewritten`;
      out.line(`${report.day}: ${of}; ${repaired}, in ${duration(report.took_ms)}`);
    }
    return exitCodes.done;
  },
});
