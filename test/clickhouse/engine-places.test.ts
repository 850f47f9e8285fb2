import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mustKeepSockets } from '../../src/clickhouse/embedded/process/engine-channel.js';
import { EnginePort } from '../../src/clickhouse/embedded/process/engine-port.js';
import { systemClock } from '../../src/core/clock.js';
import { tempDir } from '../support/temp-dir.js';

const ignore = () => undefined;
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

test.each([
  ['EADDRINUSE', 'port_taken', 'another program has port 8123; stop it or choose another TIDEMARK_CLICKHOUSE_PORT'],
  ['EACCES', 'config_invalid', 'port 8123 is for privileged users only; choose another TIDEMARK_CLICKHOUSE_PORT'],
  ['EADDRNOTAVAIL', 'config_invalid', 'this machine has no address 127.0.0.1; give it to the loopback interface'],
  ['EMFILE', 'port_taken', 'port 8123 cannot be had (EMFILE); choose another TIDEMARK_CLICKHOUSE_PORT'],
])('a port that cannot be had for %s is refused as %s, with what to do', (code, kind, says) => {
  const port = new EnginePort({ clock: systemClock, logger, onRegained: ignore }, 8123);
  const refusal = port.refusal(code);
  expect(refusal.code).toBe(kind);
  expect(refusal.message).toContain(`cannot start the embedded engine: ${says}`);
});

test('where sockets can be made nothing is left of the attempt', async () => {
  const directory = tempDir();
  await mustKeepSockets(join(directory, 'engine.sock'));
  expect(readdirSync(directory)).toEqual([]);
});

// As little a place for sockets as FAT and exFAT are, and there without a mount.
const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
test.runIf(isRoot)('a file system that knows no sockets is refused before the start', async () => {
  await expect(mustKeepSockets('/dev/pts/engine.sock')).rejects.toMatchObject({
    code: 'config_invalid',
    message:
      'cannot start the embedded engine: no Unix socket can be made in /dev/pts (EPERM), as on FAT and exFAT;' +
      ' put TIDEMARK_DATA_DIR on another file system, such as ext4 or xfs',
  });
});
