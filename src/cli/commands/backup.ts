import { collectorOptions } from '../frame/collector-address.js';
import { argument, defineCommand, integer } from '../frame/command.js';
import { exitCodes } from '../frame/exit-codes.js';
import { jsonOption, localOptions } from '../frame/shared-options.js';

export const backupCommand = defineCommand({
  about:
    'The store, the spool, keys and journals, with checksums: everything that was acknowledged before it began. A ' +
    'collector may run and goes on; it is asked for an image, which is copied. Run it where the collector runs, as ' +
    'its user. What it writes is as secret as the data directory. Rows on a ClickHouse server are not in it. One ' +
    'that is too large, for which the disk has no room, or that takes too long leaves nothing, and ends with code 6.',
  arguments: { path: argument('PATH', 'a tar file, or with a slash at the end a directory; it must not exist') },
  options: {
    bytesMax: integer('BYTES', {
      says: 'no larger one is begun',
      min: 1_048_576,
      max: Number.MAX_SAFE_INTEGER,
      fallback: 1_099_511_627_776,
    }),
    secondsMax: integer('N', { says: 'one that takes longer is given up', min: 1, max: 604_800, fallback: 21_600 }),
    ...jsonOption,
    ...localOptions,
    ...collectorOptions,
  },
  examples: [
    { command: 'tidemark backup /backups/monday.tar', says: 'one file' },
    { command: 'tidemark backup /backups/monday/', says: 'a directory, for a tool that copies what has changed' },
  ],
  async run(context, { args, options }) {
    const { backUp } = await import('../backup/backup.js');
    await backUp(context, options, args.path);
    return exitCodes.done;
  },
});

export const restoreCommand = defineCommand({
  about:
    'Into a data directory that is empty or not there. Every file is compared with its checksum: a backup that is ' +
    'damaged or was cut is refused by name, and nothing is left of it. The next start delivers what its spool holds.',
  arguments: { path: argument('PATH', 'what tidemark backup wrote') },
  options: { ...jsonOption, ...localOptions },
  examples: [{ command: 'tidemark restore /backups/monday.tar --data-dir /var/lib/tidemark', says: 'elsewhere' }],
  async run(context, { args, options }) {
    const { restore } = await import('../backup/restore.js');
    await restore(context, options, args.path);
    return exitCodes.done;
  },
});
