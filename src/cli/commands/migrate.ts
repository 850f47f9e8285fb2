import { choice, defineCommand, integer, text, toggle } from '../frame/command.js';
import { exitCodes } from '../frame/exit-codes.js';
import { jsonOption } from '../frame/shared-options.js';

export const migrateCommand = defineCommand({
  about:
    'With the configuration of the collector, which migrates upwards by itself when it starts: this is for a server ' +
    'that is prepared beforehand, for a look at what a new version would do, and for the way back. With the embedded ' +
    'engine its collector must be running.',
  arguments: {},
  options: {
    dryRun: toggle('print what would be done, and do nothing'),
    down: integer('COUNT', { min: 1, max: 9_999, fallback: undefined, says: 'take back so many of the newest' }),
    target: choice(['embedded', 'server', 'cloud', 'cluster'], {
      fallback: undefined,
      says: 'with --dry-run: print all there is for such a store, without asking one',
    }),
    config: text('PATH', 'a JSON file with the configuration of the collector'),
    ...jsonOption,
  },
  examples: [
    { command: 'tidemark migrate --dry-run', says: 'what this version would change, as SQL' },
    { command: 'tidemark migrate --dry-run --target cluster', says: 'the whole schema as a cluster gets it' },
    { command: 'tidemark migrate --down 1', says: 'take the newest migration back' },
  ],
  async run(context, { options }) {
    const { migrateStore } = await import('../migrate.js');
    await migrateStore(context, options);
    return exitCodes.done;
  },
});
