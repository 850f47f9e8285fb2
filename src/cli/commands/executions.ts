import { systemClock } from '../../core/clock.js';
import { type Answer, ApiClient } from '../frame/api-client.js';
import { collectorAddress, collectorOptions } from '../frame/collector-address.js';
import { defineCommand, integer, requiredInteger, text, toggle } from '../frame/command.js';
import { misused } from '../frame/command-error.js';
import { exitCodes } from '../frame/exit-codes.js';
import type { Output } from '../frame/output.js';
import { jsonOption } from '../frame/shared-options.js';
import { printPairs } from '../frame/table.js';
import { daysBefore, daysOption } from '../frame/time-range.js';
import { count, duration, percent, pricedCost } from '../frame/told-values.js';

type RunStats = Answer<'/api/v1/runs'>['stats'];

export const executionsStatsCommand = defineCommand({
  about: 'Runs that started in the range, by state, with success, tokens and cost: of the tenant, or of one user.',
  arguments: {},
  options: { userId: text('ID', 'only of this user'), ...daysOption, ...jsonOption, ...collectorOptions },
  examples: [{ command: 'tidemark executions stats --user-id ann --days 7', says: 'what ann ran this week' }],
  async run({ env, out }, { options }) {
    const api = new ApiClient(collectorAddress(env, options));
    const from = daysBefore(systemClock.nowMs(), options.days);
    const query = { user_id: options.userId, start_date_from: from, limit: 1 };
    const { stats } = await api.get('/api/v1/runs', { query });
    if (options.json) out.json({ from, user_id: options.userId ?? null, ...stats });
    else printStats(out, { of: options.userId, days: options.days }, stats);
    return exitCodes.done;
  },
});

export const executionsMetricsCommand = defineCommand({
  about: 'Performance of the runs of a flow, or of the executions of an agent, over the range; of all runs without.',
  arguments: {},
  options: {
    flowId: text('ID', 'the flow'),
    agent: text('ID', 'the agent'),
    ...daysOption,
    ...jsonOption,
    ...collectorOptions,
  },
  examples: [
    { command: 'tidemark executions metrics --flow-id triage --days 30', says: 'how a flow does' },
    { command: 'tidemark executions metrics --agent planner', says: 'how an agent does, from its rollups' },
  ],
  async run({ env, out }, { options }) {
    const { agent, flowId, days } = options;
    if (agent !== undefined && flowId !== undefined) throw misused('cannot use --agent together with --flow-id');
    const api = new ApiClient(collectorAddress(env, options));
    const from = daysBefore(systemClock.nowMs(), days);
    if (agent === undefined) {
      const { stats } = await api.get('/api/v1/runs', { query: { flow_id: flowId, start_date_from: from, limit: 1 } });
      if (options.json) out.json({ from, flow_id: flowId ?? null, ...stats });
      else printStats(out, { of: flowId, days }, stats);
      return exitCodes.done;
    }
    const { printMetrics } = await import('../metrics-page.js');
    const metrics = await api.get('/api/v1/agents/{agent_id}/metrics', { path: { agent_id: agent }, query: { from } });
    if (options.json) out.json(metrics);
    else printMetrics(out, metrics, { points: [], step: '1d' });
    return exitCodes.done;
  },
});

export const executionsCleanupCommand = defineCommand({
  about:
    'Erases every run of the tenant that started before so many days and has ended, with its tasks, steps, failures ' +
    'and logs, by lists of 1,000: counts, sums and percentiles per agent and time stay. It cannot be undone. What ' +
    'still runs is left, and so are tasks of no run, which go after their days (executions schedule-cleanup), by ' +
    'whole parts of the tables. The key must have the scope admin.',
  arguments: {},
  options: {
    days: requiredInteger('COUNT', { min: 1, max: 3_660, says: 'what started longer ago than this' }),
    dryRun: toggle('count what would be erased, and erase nothing'),
    limit: integer('RUNS', { min: 1, max: 100_000, fallback: 10_000, says: 'runs that are erased at most' }),
    ...jsonOption,
    ...collectorOptions,
  },
  examples: [
    { command: 'tidemark executions cleanup --days 30 --dry-run', says: 'how many there are' },
    { command: 'tidemark executions cleanup --days 30', says: 'erase them' },
  ],
  async run(context, { options }) {
    const { cleanUp } = await import('../executions-cleanup.js');
    return cleanUp(context, new ApiClient(collectorAddress(context.env, options)), options);
  },
});

export const executionsScheduleCleanupCommand = defineCommand({
  about:
    'Without --days: after how many days the collector drops what of its own accord; the key must have the scope ' +
    'admin. With --days: writes them into the configuration file, for runs, tasks, failures and, where they are kept ' +
    'longer, raw events. They hold from the next start on; the maintenance then drops what is over every hour, by ' +
    'whole parts of the tables, of all tenants.',
  arguments: {},
  options: {
    days: integer('COUNT', {
      min: 3,
      max: 3_650,
      fallback: undefined,
      says: 'how long runs, tasks and failures are kept',
    }),
    config: text('PATH', 'the configuration file (or TIDEMARK_CONFIG), made if there is none'),
    ...jsonOption,
    ...collectorOptions,
  },
  examples: [
    { command: 'tidemark executions schedule-cleanup', says: 'what is kept how long' },
    { command: 'tidemark executions schedule-cleanup --days 30 --config tidemark.json', says: 'keep a month' },
  ],
  async run(context, { options }) {
    const { printSchedule, writeSchedule } = await import('../cleanup-schedule.js');
    const { days, config, json } = options;
    if (days !== undefined) writeSchedule(context, { days, config, json });
    else await printSchedule(context, new ApiClient(collectorAddress(context.env, options)), options);
    return exitCodes.done;
  },
});

function printStats(
  out: Output,
  scope: { readonly of: string | undefined; readonly days: number },
  stats: RunStats,
): void {
  const { by_status: states, tokens } = stats;
  printPairs(out, [
    ['of', `${scope.of ?? 'all'}, the last ${count(scope.days)} days`],
    ['runs', `${count(stats.runs)}${stats.is_complete ? '' : ' at least'}`],
    ['completed', count(states.completed)],
    ['failed', count(states.failed)],
    ['cancelled', count(states.cancelled)],
    ['running', `${count(states.running)}, ${count(states.orphaned)} orphaned`],
    ['success', percent(stats.success_rate)],
    ['p95', duration(stats.p95_duration_ms)],
    ['tokens', `${count(tokens.in)} in, ${count(tokens.out)} out, ${count(stats.llm_calls)} LLM calls`],
    ['cost', pricedCost(stats)],
  ]);
}
