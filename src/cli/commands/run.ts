import { ApiClient } from '../frame/api-client.js';
import { collectorAddress, collectorOptions } from '../frame/collector-address.js';
import { argument, defineCommand } from '../frame/command.js';
import { exitCodes } from '../frame/exit-codes.js';
import { jsonOption } from '../frame/shared-options.js';

export const runCommand = defineCommand({
  about:
    'Its timeline: tasks and step attempts below each other as they were begun, each as a bar from its start to its ' +
    'end. Full bars are the critical path, which made the run as long as it was.',
  arguments: { runId: argument('RUN_ID', 'the run') },
  options: { ...jsonOption, ...collectorOptions },
  examples: [{ command: 'tidemark run run-82923a', says: 'where the time went' }],
  async run({ env, out, err }, { args, options }) {
    const { printRun, readTimeline } = await import('../run-timeline.js');
    const api = new ApiClient(collectorAddress(env, options));
    const path = { run_id: args.runId };
    const [run, timeline] = await Promise.all([
      api.get('/api/v1/runs/{run_id}', { path }),
      readTimeline((query) => api.get('/api/v1/runs/{run_id}/timeline', { path, query })),
    ]);
    if (options.json) out.json({ run, timeline });
    else printRun({ out, err }, run, timeline);
    return exitCodes.done;
  },
});
