import { argument, defineCommand } from '../frame/command.js';
import { exitCodes } from '../frame/exit-codes.js';
import { jsonOption, localOptions } from '../frame/shared-options.js';

const place = 'It works on the data directory, while no collector has it.';

export const spoolListCommand = defineCommand({
  about: `Segments that were set aside: why, how much is in them, and whether they are damaged. ${place}`,
  arguments: {},
  options: { ...jsonOption, ...localOptions },
  examples: [{ command: 'tidemark spool ls', says: 'what could not be delivered, and why' }],
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
  examples: [{ command: 'tidemark spool replay 0000000000000042', says: 'after its cause was mended' }],
  async run(context, { args, options }) {
    const { replayQuarantined } = await import('../spool.js');
    await replayQuarantined(context, { ...options, id: args.id });
    return exitCodes.done;
  },
});
