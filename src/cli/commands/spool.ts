import { argument, defineCommand } from '../frame/command.js';
import { exitCodes } from '../frame/exit-codes.js';
import { jsonOption, localOptions } from '../frame/shared-options.js';

const place = 'It works on the data directory, while no collector has it.';

export const spoolListCommand = defineCommand({
  about: 'Segments that wait for the store, the one that is open, and those in quarantine. A collector may run.',
  arguments: {},
  options: { ...jsonOption, ...localOptions },
  examples: [{ command: 'tidemark spool ls', says: 'what has not been delivered' }],
  async run(context, { options }) {
    const { listSpool } = await import('../spool-files.js');
    await listSpool(context, options);
    return exitCodes.done;
  },
});

export const spoolVerifyCommand = defineCommand({
  about:
    'Compares every row that waits with its checksum, and reads the journals of positions and event ids. Nothing is ' +
    'changed, and a collector may run. Exit code 1 when something is damaged.',
  arguments: {},
  options: { ...jsonOption, ...localOptions },
  examples: [{ command: 'tidemark spool verify', says: 'after a disk had errors, before a start' }],
  async run(context, { options }) {
    const { verifySpool } = await import('../spool-files.js');
    return verifySpool(context, options);
  },
});

export const spoolQuarantineCommand = defineCommand({
  about: `Segments that were set aside: why, how much is in them, and whether they are damaged. ${place}`,
  arguments: {},
  options: { ...jsonOption, ...localOptions },
  examples: [{ command: 'tidemark spool quarantine', says: 'what could not be delivered, and why' }],
  async run(context, { options }) {
    const { listQuarantined } = await import('../spool.js');
    await listQuarantined(context, options);
    return exitCodes.done;
  },
});

export const spoolReplayCommand = defineCommand({
  about: `The next start delivers it, exactly once. A damaged segment is refused. ${place}`,
  arguments: { id: argument('ID', 'of the segment, as listed') },
  options: { ...jsonOption, ...localOptions },
  examples: [
    { command: 'tidemark spool replay 019aab12cd34-000002-5f0c9e3b7a1d2468', says: 'after its cause was mended' },
  ],
  async run(context, { args, options }) {
    const { replayQuarantined } = await import('../spool.js');
    await replayQuarantined(context, { ...options, id: args.id });
    return exitCodes.done;
  },
});
