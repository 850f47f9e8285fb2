import type { Answers } from '../../api/client.js';

export type Dependency = Answers['DependencyHealth'];

const remedies: Readonly<Record<string, readonly string[]>> = {
  spool: [
    'Free space on the disk of the data directory, or raise the limit of the spool: then events are taken again.',
    '`npx tidemark spool ls` lists what waits and what was put aside.',
  ],
  decode: ['Threads that ended are started again by themselves. If none runs for longer, restart the collector.'],
  engine: [
    'The embedded engine is started again by itself, and events wait in the spool meanwhile. If it stays away, the log',
    'of the collector says why, and `npx tidemark doctor` looks at it.',
  ],
  clickhouse: [
    'See whether ClickHouse runs and answers at the address in the details. Events wait in the spool and go in when it',
    'is back.',
  ],
  schema: [
    'The tables are made and changed once ClickHouse answers; that is tried again by itself. If it fails for longer,',
    'the log names the migration.',
  ],
  delivery: [
    'Inserts are tried again by themselves; the code of the error says why they fail. Segments that were put aside are',
    'listed by `npx tidemark spool ls`.',
  ],
  maintenance: [
    'The upkeep is tried again by itself; the code of the error says why it failed. What became of failures may be',
    'told late until then.',
  ],
  parts: ['Parts of the store are damaged or missing: see the log and `npx tidemark doctor` before anything else.'],
  disk: ['Free space on the file system of the data directory, keep less long, or move it to a larger disk.'],
  clock: ['See that the time of this machine is kept (NTP). Times before and after a step do not compare.'],
};

/** What to do about a dependency that is not well; null where nothing has to be done. */
export function remedyOf({ name, status }: Pick<Dependency, 'name' | 'status'>): string | null {
  if (status === 'healthy') return null;
  return (
    remedies[name]?.join(' ') ?? 'The log of the collector says more, and `npx tidemark doctor` looks at all of it.'
  );
}

/** Names of the details, as words. */
export function detailName(name: string): string {
  const words = name.replaceAll('_', ' ').replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.replace(/ ms$/, '').replace(/ bytes$/, '');
}
