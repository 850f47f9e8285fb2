import { collectorAddress, collectorOptions } from '../frame/collector-address.js';
import { defineCommand, integer, text } from '../frame/command.js';
import { jsonOption } from '../frame/shared-options.js';

export const tailCommand = defineCommand({
  about:
    'As they become durable, from memory: the store is not asked, and what was before is not told. Each filter is a ' +
    'list; an event passes when it is in every list that is given. A lost connection is made again, and said. Ends ' +
    'by Ctrl-C (exit code 130), or after --count events.',
  arguments: {},
  options: {
    agentId: text('IDS', 'events of these agents, separated by commas'),
    runId: text('IDS', 'events of these runs'),
    type: text('TYPES', 'of these types, such as task.failed'),
    status: text('STATES', 'that tell one of these: pending, running, completed, failed, cancelled'),
    model: text('MODELS', 'of these models'),
    provider: text('PROVIDERS', 'of these providers'),
    environment: text('NAMES', 'of these environments'),
    count: integer('COUNT', { min: 1, max: 1_000_000_000, fallback: undefined, says: 'end after so many events' }),
    ...jsonOption,
    ...collectorOptions,
  },
  examples: [
    { command: 'tidemark tail --status failed', says: 'what fails, as it fails' },
    { command: "tidemark tail --agent-id scout --json | jq -r '.error_message'", says: 'an event a line, as JSON' },
  ],
  async run(context, { options }) {
    const { agentId, runId, type, status, model, provider, environment, ...others } = options;
    const filter = { agent_id: agentId, run_id: runId, type, status, model, provider, environment };
    const address = collectorAddress(context.env, options);
    const { runTail } = await import('../live/tail.js');
    return runTail(context, { ...others, ...address, filter });
  },
});
