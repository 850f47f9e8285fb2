import { defineCommand, text, toggle } from '../frame/command.js';
import { exitCodes } from '../frame/exit-codes.js';

export const serveCommand = defineCommand({
  about:
    'The environment (TIDEMARK_…, see .env.example) says how; it wins over the configuration file. SIGINT, SIGTERM ' +
    'and the end of its terminal stop it: exit code 0 when it stopped as asked, 1 when it failed, 2 when the ' +
    'configuration has problems or the data directory cannot be.',
  arguments: {},
  options: {
    config: text('PATH', 'a JSON file with the configuration'),
    checkConfig: toggle('print the configuration in force, and start nothing'),
  },
  examples: [
    { command: 'tidemark serve', says: 'on 127.0.0.1:7077, its data in ./tidemark-data' },
    { command: 'TIDEMARK_PORT=7100 tidemark serve --check-config', says: 'see what would be in force' },
  ],
  // So that a wrong option is told together with all other problems of the configuration.
  keepsUnknown: true,
  async run(context, { options, rest }) {
    const { serve } = await import('../serve.js');
    const config = options.config === undefined ? [] : ['--config', options.config];
    await serve(context.env, [...config, ...(options.checkConfig ? ['--check-config'] : []), ...rest]);
    return exitCodes.done;
  },
});
