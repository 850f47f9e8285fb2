import { ApiClient } from '../frame/api-client.js';
import { collectorAddress, collectorOptions } from '../frame/collector-address.js';
import { argument, defineCommand, text } from '../frame/command.js';
import { exitCodes } from '../frame/exit-codes.js';
import { jsonOption } from '../frame/shared-options.js';

export const taskCommand = defineCommand({
  about: 'Its outcome, inputs and outputs, attempts, steps and failures. A task id of several runs is told with --run.',
  arguments: { id: argument('TASK_ID', 'the task') },
  options: {
    run: text('ID', 'the run it is of'),
    agent: text('ID', 'the agent it is of'),
    ...jsonOption,
    ...collectorOptions,
  },
  examples: [{ command: 'tidemark task task-1 --run run-82923a', says: 'what became of it, and why' }],
  async run({ env, out, err }, { args, options }) {
    const { printTask } = await import('../task-page.js');
    const api = new ApiClient(collectorAddress(env, options));
    const query = { run_id: options.run, agent_id: options.agent };
    const task = await api.get('/api/v1/monitoring/tasks/{task_id}', { path: { task_id: args.id }, query });
    if (options.json) out.json(task);
    else printTask({ out, err }, task);
    return exitCodes.done;
  },
});
