import { collectorAddress, collectorOptions } from '../frame/collector-address.js';
import { defineCommand, integer } from '../frame/command.js';
import { jsonOption } from '../frame/shared-options.js';

export const demoCommand = defineCommand({
  about:
    'Exit code 0: all counts are equal. 1: some differ, or events were rejected. 2: the demo could not run. 130: it ' +
    'was interrupted; runs that were under way are sent to their end first, a second interrupt ends it at once.',
  arguments: {},
  options: {
    agents: integer('COUNT', { min: 1, max: 10_000, fallback: 50, says: 'agents of the fleet' }),
    rate: integer('EVENTS', { min: 1, max: 1_000_000, fallback: 5_000, says: 'events a second' }),
    seconds: integer('COUNT', { min: 1, max: 86_400, fallback: 30, says: 'how long it streams' }),
    seed: integer('NUMBER', { min: 1, max: 2 ** 31, fallback: 1, says: 'the same seed makes the same fleet' }),
    ...collectorOptions,
    ...jsonOption,
  },
  examples: [{ command: 'tidemark demo --agents 20 --rate 1000 --seconds 10', says: 'ten seconds of twenty agents' }],
  async run(context, { options }) {
    const address = collectorAddress(context.env, options);
    const { runDemo } = await import('../demo.js');
    return runDemo(context, { ...options, ...address });
  },
});
