import { defineCommand, integer } from '../frame/command.js';
import { exitCodes } from '../frame/exit-codes.js';
import { jsonOption, localOptions } from '../frame/shared-options.js';

export const auditCommand = defineCommand({
  about:
    'Who made, bounded, rotated and took back keys, erased, finalized days and took images, from where and with what ' +
    'outcome, of all tenants; and requests that were refused because their key is not an admin. It reads the data ' +
    'directory; a collector may run.',
  arguments: {},
  options: {
    limit: integer('N', { says: 'so many, the newest', min: 1, max: 100_000, fallback: 50 }),
    ...jsonOption,
    ...localOptions,
  },
  examples: [
    { command: 'tidemark audit', says: 'the last fifty entries' },
    { command: 'tidemark audit --json --limit 100000', says: 'all of them, for programs' },
  ],
  async run(context, { options }) {
    const { printAudit } = await import('../audit.js');
    await printAudit(context, options);
    return exitCodes.done;
  },
});
