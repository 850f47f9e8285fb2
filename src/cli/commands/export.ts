import { ApiClient } from '../frame/api-client.js';
import { collectorAddress, collectorOptions } from '../frame/collector-address.js';
import { choice, defineCommand, text } from '../frame/command.js';
import { jsonOption } from '../frame/shared-options.js';

export const exportCommand = defineCommand({
  about:
    'A row an agent and UTC day, to stdout or into a file. What was cut off is not resumed: the file is kept under ' +
    'another name while it comes, and removed when it does not come whole. Ask for fewer days then.',
  arguments: {},
  options: {
    format: choice(['csv', 'json', 'ndjson', 'parquet'], { fallback: 'csv', says: 'of the file' }),
    from: text('YYYY-MM-DD', 'first UTC day; 30 days up to the last when not given'),
    to: text('YYYY-MM-DD', 'last UTC day; today when not given'),
    agent: text('ID', 'only of this agent'),
    output: text('PATH', 'write into this file, which must not exist; stdout when not given'),
    ...jsonOption,
    ...collectorOptions,
  },
  examples: [
    { command: 'tidemark export --format parquet --output november.parquet --from 2026-11-01', says: 'into a file' },
    { command: 'tidemark export --format ndjson | jq .success_rate', says: 'into a pipe' },
  ],
  async run(context, { options }) {
    const { exportDays } = await import('../export.js');
    return exportDays(context, new ApiClient(collectorAddress(context.env, options)), options);
  },
});
