import { ApiClient } from '../frame/api-client.js';
import { collectorAddress, collectorOptions } from '../frame/collector-address.js';
import { argument, choice, defineCommand } from '../frame/command.js';
import { exitCodes } from '../frame/exit-codes.js';
import { jsonOption } from '../frame/shared-options.js';

export const metricsCommand = defineCommand({
  about:
    'Executions, success, durations, errors, tokens and cost over a range, and their course: a column a day, or an ' +
    'hour for one day. Where a column is empty nothing ran.',
  arguments: { agent: argument('AGENT', 'id of the agent, or its name when no other has it') },
  options: {
    range: choice(['1d', '7d', '30d', '90d'], { fallback: '7d', says: 'how far back' }),
    ...jsonOption,
    ...collectorOptions,
  },
  examples: [
    { command: 'tidemark metrics planner --range 30d', says: 'how an agent did this month' },
    { command: 'tidemark metrics planner --json', says: 'its metrics and series for a program' },
  ],
  async run({ env, out }, { args, options }) {
    const { printMetrics } = await import('../metrics-page.js');
    const { askOfAgent } = await import('../named-agent.js');
    const api = new ApiClient(collectorAddress(env, options));
    // Metrics of an agent that nobody knows are those of one that did nothing; its series are not found.
    const { metrics, series } = await askOfAgent(api, args.agent, async (id) => {
      const path = { agent_id: id };
      const found = await api.get('/api/v1/agents/{agent_id}/metrics', { path, query: { time_range: options.range } });
      const series = await api.get('/api/v1/agents/{agent_id}/series', {
        path,
        query: {
          metric: ['executions', 'failed', 'success_rate', 'p95_ms', 'cost_cents'],
          step: options.range === '1d' ? '1h' : '1d',
          from: found.from,
          to: found.to,
        },
      });
      return { metrics: found, series };
    });
    if (options.json) out.json({ ...metrics, series });
    else printMetrics(out, metrics, series);
    return exitCodes.done;
  },
});
