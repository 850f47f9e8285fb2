import { createHash } from 'node:crypto';
import { lstatSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { Agent } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { CollectorError } from '../../../core/errors.js';

/** The collector's own way to its engine: a Unix socket in the engine's directory, which only its user can open. */
export const channelName = 'engine.sock';

/**
 * Where to connect to. The system takes only short names for sockets, so a directory with a long one is reached by a
 * link in the directory for temporary files; one that is there and not ours is not followed.
 */
export function channelPathOf(engineDir: string): string {
  const directory = resolve(engineDir);
  const path = join(directory, channelName);
  if (Buffer.byteLength(path) <= socketPathBytesMax) return path;
  const name = createHash('sha256').update(directory).digest('hex').slice(0, 16);
  const link = join(tmpdir(), `tidemark-${name}`);
  try {
    symlinkSync(directory, link);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const isOurs = lstatSync(link).uid === process.getuid?.() && readlinkSync(link) === directory;
  if (isOurs) return join(link, channelName);
  throw new CollectorError(
    'config_invalid',
    `cannot use ${link}: it is not the link to ${directory} that it should be`,
  );
}

/** Throws CollectorError `config_invalid` when no socket can be made there: FAT, exFAT and some shares know none. */
export async function mustKeepSockets(channelPath: string): Promise<void> {
  const path = join(dirname(channelPath), 'try.sock');
  rmSync(path, { force: true });
  const server = createServer();
  const code = await new Promise<string | undefined>((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    server.listen({ path }, () => server.close(() => resolve(undefined)));
  });
  if (code === undefined || !unknownCodes.has(code)) return;
  // Some make a file of it all the same.
  rmSync(path, { force: true });
  const cause = `no Unix socket can be made in ${dirname(channelPath)} (${code}), as on FAT and exFAT`;
  const remedy = 'put TIDEMARK_DATA_DIR on another file system, such as ext4 or xfs';
  throw new CollectorError('config_invalid', `cannot start the embedded engine: ${cause}; ${remedy}`);
}

/** What file systems answer that know no sockets; any other cause the start itself tells. */
const unknownCodes: ReadonlySet<string> = new Set([
  'EPERM',
  'EIO',
  'EINVAL',
  'ENOSYS',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENXIO',
]);

/** 108 on Linux, 104 on macOS and the BSDs, with the end mark. */
const socketPathBytesMax = 100;

/** Connections of an HTTP client that go to the channel, whatever its address says. */
export class ChannelAgent extends Agent {
  readonly #path: string;

  constructor(path: string, socketsMax: number) {
    super({ keepAlive: true, maxSockets: socketsMax });
    this.#path = path;
  }

  override createConnection(): Socket {
    return connect({ path: this.#path });
  }
}
