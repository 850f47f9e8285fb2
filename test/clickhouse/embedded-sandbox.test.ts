import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../bench/free-port.js';
import { packageFile } from '../../src/core/package-root.js';
import {
  answerOf,
  attemptsText,
  canConfine,
  createPremises,
  forkConfined,
  type Premises,
} from '../support/confined-program.js';
import { tempDir } from '../support/temp-dir.js';

/**
 * The sandbox is asked by programs that run in the engine's place, behind the guard of statements: they do what
 * somebody could who has got past it.
 */
const isPossible = await canConfine();
const confined = test.runIf(isPossible);

test.runIf(!isPossible)('NOT TESTED HERE: this machine cannot confine the engine', () => undefined);

/** What each attempt ended with: the code of its error, or `done`. */
interface Outcomes {
  readonly allowed: Readonly<Record<string, string>>;
  readonly refused: Readonly<Record<string, string>>;
}

const done = (outcomes: Outcomes['allowed']) => mapped(outcomes, 'done');
/** The kernel says of a link that would gain rights that it leads out of the file system. */
const denied = (outcomes: Outcomes['allowed']) => mapped(outcomes, 'EACCES');
const filesDenied = (outcomes: Outcomes['allowed']) => ({ ...denied(outcomes), linkSegment: 'EXDEV' });

function mapped(outcomes: Outcomes['allowed'], outcome: string): Outcomes['allowed'] {
  expect(Object.keys(outcomes)).not.toEqual([]);
  return Object.fromEntries(Object.keys(outcomes).map((name) => [name, outcome]));
}

/** Of a collector: a secret beside the engine's directory, and a segment. */
function premises(): Premises {
  const made = createPremises(tempDir());
  writeFileSync(join(made.root, 'engine-writer-password'), 'secret\n', { mode: 0o600 });
  writeFileSync(join(made.spoolDir, 'segment'), 'row\n');
  return made;
}

async function listeningPort(): Promise<number> {
  const server = createServer((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nsecret\n'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}

const packagePath = (path: string) => JSON.stringify(fileURLToPath(packageFile(path)));

const triesFiles = ({ spoolDir, root }: Premises) => `${attemptsText}
  import { execFileSync } from 'node:child_process';
  import * as fs from 'node:fs';
  const spool = ${JSON.stringify(spoolDir)}, root = ${JSON.stringify(root)}, collector = '/proc/${process.pid}/';
  fs.mkdirSync('a');
  fs.mkdirSync('b');
  fs.writeFileSync('a/part', '1');
  const allowed = await outcomes({
    read: () => fs.readFileSync('a/part'),
    rename: () => fs.renameSync('a/part', 'b/part'),
    link: () => fs.linkSync('b/part', 'a/part'),
    truncate: () => fs.truncateSync('b/part'),
    symbolicLink: () => fs.symlinkSync('/etc/hostname', 'out'),
    namedPipe: () => execFileSync('mkfifo', ['pipe'], { env: { PATH: '/usr/bin:/bin' } }),
    remove: () => fs.rmSync('b', { recursive: true }),
    segment: () => fs.readFileSync(spool + '/segment'),
    segments: () => fs.readdirSync(fs.realpathSync(spool)),
    memory: () => fs.readFileSync('/proc/meminfo'),
    itself: () => fs.readFileSync('/proc/self/task/' + process.pid + '/stat'),
  });
  const refused = await outcomes({
    password: () => fs.readFileSync(root + '/engine-writer-password'),
    listing: () => fs.readdirSync(root),
    write: () => fs.writeFileSync(root + '/new', ''),
    moveOut: () => fs.renameSync('a/part', root + '/part'),
    linkOut: () => fs.linkSync('a/part', spool + '/part'),
    writeSegment: () => fs.writeFileSync(spool + '/segment', ''),
    truncateSegment: () => fs.truncateSync(spool + '/segment'),
    removeSegment: () => fs.rmSync(spool + '/segment'),
    moveSegment: () => fs.renameSync(spool + '/segment', 'segment'),
    linkSegment: () => fs.linkSync(spool + '/segment', 'segment'),
    hostname: () => fs.readFileSync('/etc/hostname'),
    throughLink: () => fs.readFileSync('out'),
    throughProcess: () => fs.readFileSync('/proc/self/root/etc/hostname'),
    users: () => fs.readFileSync('/etc/passwd'),
    temporary: () => fs.writeFileSync('/tmp/tidemark-' + process.pid, ''),
    temporaryListing: () => fs.readdirSync('/tmp'),
    packageFile: () => fs.readFileSync(${packagePath('README.md')}),
    packageListing: () => fs.readdirSync(${packagePath('.')}),
    collectorEnvironment: () => fs.readFileSync(collector + 'environ'),
    collectorCommand: () => fs.readFileSync(collector + 'cmdline'),
    collectorMemory: () => fs.openSync(collector + 'mem', 'r'),
    processes: () => fs.readdirSync('/proc'),
    shell: () => execFileSync('/bin/sh', ['-c', 'true']),
    ownProgram: () => {
      fs.writeFileSync('program', '#!/bin/sh', { mode: 0o700 });
      execFileSync('./program');
    },
  });
  process.send({ allowed, refused }, () => process.exit());`;

confined('a confined process uses its own directory, reads the spool, and no other file', async () => {
  const at = premises();
  const { allowed, refused } = await answerOf<Outcomes>(forkConfined(at, triesFiles(at)));
  expect(allowed).toEqual(done(allowed));
  expect(refused).toEqual(filesDenied(refused));
});

confined.each([2, 3, 4, 5, 6])('what an older kernel knows, ABI %i, holds the files too', async (abi) => {
  const at = premises();
  const before = `forbidNewPrivileges(native); restrictByLandlock(native, ${abi}, engineConfinement(reach));`;
  const { allowed, refused } = await answerOf<Outcomes>(forkConfined(at, triesFiles(at), { before }));
  expect(allowed).toEqual(done(allowed));
  expect(refused).toEqual(filesDenied(refused));
});

interface Ports {
  readonly port: number;
  readonly ownPort: number;
}

const triesSockets = ({ socketDir }: Premises, { port, ownPort }: Ports) => `${attemptsText}
  const socketDir = ${JSON.stringify(socketDir)};
  import * as net from 'node:net';
  import { createSocket } from 'node:dgram';
  import * as fs from 'node:fs';
  const settled = (emitter, event) =>
    new Promise((resolve, reject) => emitter.once(event, resolve).once('error', reject));
  const listen = (where) => settled(net.createServer().listen(where), 'listening');
  const connect = (where) => settled(net.connect(where), 'connect');
  const allowed = await outcomes({
    ownPort: () => listen({ host: '127.0.0.1', port: ${ownPort} }),
    ownSocket: () => listen({ path: 'engine.sock' }),
    shortSocket: () => listen({ path: socketDir + '/s' }),
    itself: () => process.kill(process.pid, 0),
  });
  const refused = await outcomes({
    connect: () => connect({ host: '127.0.0.1', port: ${port} }),
    connectToItself: () => connect({ host: '127.0.0.1', port: ${ownPort} }),
    connectVersion6: () => connect({ host: '::1', port: ${port} }),
    fileBesideSocket: () => fs.writeFileSync(socketDir + '/file', ''),
    unixSocket: () => connect({ path: 'engine.sock' }),
    otherPort: () => listen({ host: '127.0.0.1', port: ${port} }),
    anyPort: () => listen({ host: '127.0.0.1', port: 0 }),
    datagram: () => settled(createSocket('udp4').bind(0), 'listening'),
    signal: () => process.kill(${process.pid}, 0),
  });
  process.send({ allowed, refused }, () => process.exit());`;

confined('a confined process listens where it should, connects to nothing and signals nobody', async () => {
  const ports = { port: await listeningPort(), ownPort: await freePort() };
  const at = premises();
  const child = forkConfined(at, triesSockets(at, ports), { port: ports.ownPort });
  const { allowed, refused } = await answerOf<Outcomes>(child);
  expect(allowed).toEqual(done(allowed));
  expect(refused).toEqual({ ...denied(refused), signal: 'EPERM' });
});

confined('Landlock and the filter of sockets each refuse a connection without the other', async () => {
  const ports = { port: await listeningPort(), ownPort: await freePort() };
  const by = async (before: string) => {
    const at = premises();
    const child = forkConfined(at, triesSockets(at, ports), { port: ports.ownPort, before });
    return (await answerOf<Outcomes>(child)).refused;
  };
  const landlock = 'restrictByLandlock(native, mustSupportLandlock(native), engineConfinement(reach));';
  expect(await by(`forbidNewPrivileges(native); ${landlock}`)).toMatchObject({
    connect: 'EACCES',
    otherPort: 'EACCES',
  });
  const filter = 'tryRestrictSockets(native, process.arch)';
  const all = 'EACCES';
  expect(await by(`forbidNewPrivileges(native); if (!${filter}) throw new Error('no filter');`)).toMatchObject({
    connect: all,
    connectVersion6: all,
    unixSocket: all,
    datagram: all,
  });
});

const triesStatements = ({ root, spoolDir, dataDir }: Premises, port: number) => `
  import { createRequire } from 'node:module';
  const require = createRequire(${packagePath('dist/src/main.js')});
  const addon = createRequire(require.resolve('chdb'))('./dist/loader.js').loadNative();
  const connection = addon.CreateConnection('db');
  const once = 'SETTINGS http_max_tries = 1, connections_with_failover_max_tries = 1';
  const answers = [];
  for (const sql of [
    "SELECT * FROM file('${spoolDir}/segment', LineAsString)",
    "SELECT 'row' INTO OUTFILE '${dataDir}/out'",
    "SELECT * FROM file('/etc/hostname', LineAsString)",
    "SELECT * FROM file('${root}/engine-writer-password', LineAsString)",
    "SELECT * FROM file('/proc/${process.pid}/environ', LineAsString)",
    "SELECT 1 INTO OUTFILE '${root}/out'",
    "SELECT 1 INTO OUTFILE '${spoolDir}/out'",
    "SELECT * FROM url('http://127.0.0.1:${port}/', LineAsString) " + once,
    "SELECT * FROM remote('127.0.0.1:${port}', system.one) " + once,
    "SELECT * FROM mysql('127.0.0.1:${port}', a, b, c, d)",
  ]) {
    try {
      answers.push(Buffer.from((await addon.QueryAsyncConnection(connection, sql, 'TabSeparated')).bytes).toString());
    } catch (error) {
      answers.push(error.message);
    }
  }
  process.send(answers, () => process.exit());`;

confined('the engine, asked past its guard, reads no file and reaches no server', async () => {
  const at = premises();
  const port = await listeningPort();
  const answers = await answerOf<readonly string[]>(forkConfined(at, triesStatements(at, port)));
  const denial = expect.stringContaining('Permission denied');
  expect(answers).toEqual([
    'row\n',
    '',
    ...Array(5).fill(denial),
    expect.stringContaining('I/O error'),
    expect.stringContaining('I/O error'),
    expect.stringContaining("Can't connect to server on '127.0.0.1' (13)"),
  ]);
  expect(readFileSync(join(at.dataDir, 'out'), 'utf8')).toBe('row\n');
});
