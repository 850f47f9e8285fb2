import { collectorOptions } from '../frame/collector-address.js';
import { argument, defineCommand } from '../frame/command.js';
import { exitCodes } from '../frame/exit-codes.js';
import { jsonOption, localOptions } from '../frame/shared-options.js';

export const backupCommand = defineCommand({
  about:
    'The store, the spool, keys and journals, with checksums: everything that was acknowledged before it began. A ' +
    'collector may run and goes on; it is asked for an image, which is copied. Run it where the collector runs, as ' +
    'its user. What it writes is as secret as the data directory. Rows on a ClickHouse server are not in it.',
  arguments: { path: argument('PATH', 'a tar file, or with a slash at the end a directory; it must not exist') },
  options: { ...jsonOption, ...localOptions, ...collectorOptions },
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
