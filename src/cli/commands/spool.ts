import { argument, defineCommand, optionalArgument } from '../frame/command.js';
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
  about:
    'Segments that were set aside: why, how much is in them, and whether they are damaged. With an ID of one that ' +
    `waits: sets it aside, so that what comes behind it goes on; one whose insert has begun is refused. ${place}`,
  arguments: { id: optionalArgument('ID', 'of a segment that waits, as ls lists it, to set it aside') },
  options: { ...jsonOption, ...localOptions },
  examples: [
    { command: 'tidemark spool quarantine', says: 'what could not be delivered, and why' },
    { command: 'tidemark spool quarantine 019aab12cd34-000002-5f0c9e3b7a1d2468', says: 'leave one out for now' },
  ],
  async run(context, { args, options }) {
    const { listQuarantined, setSegmentAside } = await import('../spool.js');
    if (args.id === null) await listQuarantined(context, options);
    else await setSegmentAside(context, { ...options, id: args.id });
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
