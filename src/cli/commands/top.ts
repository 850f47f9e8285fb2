import { collectorAddress, collectorOptions } from '../frame/collector-address.js';
import { choice, defineCommand, integer, toggle } from '../frame/command.js';
import { jsonOption } from '../frame/shared-options.js';
import { windowNames } from '../live/agent-figures.js';

export const topCommand = defineCommand({
  about:
    'The hundred agents that were busiest in the last 24 hours, by their rate over a rolling window: executions a ' +
    'second, percentiles of their duration, success, failures, cost. The page is drawn again every few seconds; q or ' +
    'Ctrl-C ends it, w takes another window. Without a terminal, with --once or --json, it is printed once.',
  arguments: {},
  options: {
    window: choice(windowNames, { says: 'the rolling window', fallback: '5m' }),
    every: integer('SECONDS', { min: 1, max: 3_600, fallback: 2, says: 'how often it is drawn' }),
    once: toggle('print it once'),
    ...jsonOption,
    ...collectorOptions,
  },
  examples: [
    { command: 'tidemark top', says: 'watch the fleet' },
    { command: 'tidemark top --window 1h --once', says: 'the last hour, once' },
  ],
  async run(context, { options }) {
    const address = collectorAddress(context.env, options);
    const { runTop } = await import('../live/top.js');
    return runTop(context, { ...options, ...address });
  },
});
