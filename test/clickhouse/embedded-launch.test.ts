import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { EngineReport } from '../../src/clickhouse/embedded/process/engine-protocol.js';
import type { LaunchReport } from '../../src/clickhouse/embedded/sandbox/launch-report.js';
import { createSocketFilter } from '../../src/clickhouse/embedded/sandbox/socket-filter.js';
import { packageFile } from '../../src/core/package-root.js';
import { filterAnswer } from '../support/bpf-machine.js';
import { answerOf, canConfine, createPremises, forkConfined, type Premises } from '../support/confined-program.js';
import { createTestEngine, type TestEngine } from '../support/embedded-engine.js';
import { engineOptions } from '../support/engine-options.js';
import { tempDir } from '../support/temp-dir.js';

const isPossible = await canConfine();
const confined = test.runIf(isPossible);

test.runIf(!isPossible)('NOT TESTED HERE: this machine cannot confine the engine', () => undefined);

function testEngine(options: Parameters<typeof createTestEngine>[0] = {}): TestEngine {
  const rig = createTestEngine(options);
  onTestFinished(() => rig.end());
  return rig;
}

async function write(rig: TestEngine, sql: string, parameters = ''): Promise<string> {
  const headers = { 'x-clickhouse-user': 'tidemark', 'x-clickhouse-key': rig.writerPassword };
  const answer = await fetch(`${rig.engine.url}/${parameters}`, { method: 'POST', headers, body: sql });
  const text = await answer.text();
  expect(`${answer.status} ${answer.ok ? '' : text}`).toBe('200 ');
  return text;
}

/** Of every thread of the engine, the value of a line of its status. */
function ofThreads(rig: TestEngine, key: string): readonly string[] {
  return ofEntries(`/proc/${rig.engine.pid()}/task`, (path) => {
    const status = readFileSync(join(path, 'status'), 'utf8');
    return new RegExp(`^${key}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? '';
  });
}

/** Threads and descriptors come and go while they are listed. */
function ofEntries(directory: string, read: (path: string) => string): readonly string[] {
  return readdirSync(directory).flatMap((name) => {
    try {
      return [read(join(directory, name))];
    } catch {
      return [];
    }
  });
}

confined('a confined engine inserts, reads, streams, and is confined again after it was killed', async () => {
  const rig = testEngine({ sandbox: 'on' });
  await rig.engine.start();
  await write(rig, 'CREATE TABLE t (id UInt64) ENGINE = MergeTree ORDER BY id');
  writeFileSync(join(rig.spoolDir, 'segment'), '1\n2\n3\n');
  const insert = `INSERT INTO t (id) FROM INFILE '${rig.spoolDir}/segment' COMPRESSION 'none' FORMAT TSV`;
  await write(rig, insert);
  const body = '4\n5\n';
  await write(rig, `INSERT INTO t (id) FORMAT TSV\n${body}`);
  process.kill(rig.engine.pid()!, 'SIGKILL');
  await expect.poll(() => rig.restarts).toEqual(['signal_SIGKILL']);
  await rig.engine.ready();
  await write(rig, 'ALTER TABLE t DELETE WHERE id = 5 SETTINGS mutations_sync = 1');
  await write(rig, 'OPTIMIZE TABLE t FINAL');
  const streamed = await write(rig, 'SELECT id FROM t ORDER BY id FORMAT TSV', '?wait_end_of_query=0');
  expect(streamed).toBe('1\n2\n3\n4\n');
  await write(rig, 'DROP TABLE t SYNC');
  const threads = ofThreads(rig, 'NoNewPrivs');
  expect(threads.length).toBeGreaterThan(10);
  expect(new Set(threads)).toEqual(new Set(['1']));
  expect(new Set(ofThreads(rig, 'Seccomp'))).toEqual(new Set(['2']));
  // Else the kernel forgets the rule of this entry when it drops its cache.
  const open = ofEntries(`/proc/${rig.engine.pid()}/fd`, (path) => readlinkSync(path));
  expect(open).toContain(`/proc/${rig.engine.pid()}`);
  const { details } = await rig.engine.health();
  expect(details).toMatchObject({
    sandbox: 'landlock',
    sandbox_detail: expect.stringMatching(/^files, .*Landlock ABI/),
  });
  const told = rig.logged.filter(({ message }) => message === 'the embedded engine is confined');
  expect(told).toMatchObject([{ level: 'info', context: { sandbox: 'landlock' } }]);
});

test('an engine whose sandbox is switched off runs without one and says so', async () => {
  const rig = testEngine({ sandbox: 'off' });
  await rig.engine.start();
  expect(await write(rig, 'SELECT 1')).toBe('1\n');
  const { details } = await rig.engine.health();
  expect(details).toMatchObject({ sandbox: 'none', sandbox_detail: 'it is switched off' });
  const told = rig.logged.filter(({ message }) => message === 'the embedded engine runs without a sandbox');
  expect(told).toMatchObject([{ level: 'info' }]);
});

test.each(isPossible ? (['on', 'off'] as const) : (['off'] as const))(
  'with its sandbox %s the engine keeps what it frees for a minute, in an arena for two processors',
  async (sandbox) => {
    const rig = testEngine({ sandbox });
    await rig.engine.start();
    const told = await write(rig, 'SELECT * FROM system.jemalloc_stats FORMAT TSVRaw');
    expect(told).toContain(`opt.narenas: ${Math.max(1, Math.floor(availableParallelism() / 2))}\n`);
    expect(told).toContain('opt.percpu_arena: "disabled"\n');
    expect(told).toContain('opt.dirty_decay_ms: 60000 ');
    expect(told).toContain('opt.prof: false\n');
  },
);

test('a stop while the engine is being launched ends it', async () => {
  const rig = testEngine();
  const started = rig.engine.start().catch(() => undefined);
  await expect.poll(() => rig.engine.pid()).toBeGreaterThan(0);
  await rig.engine.stop(10_000);
  await started;
  expect(rig.engine.pid()).toBeUndefined();
});

const launcher = fileURLToPath(packageFile('dist/src/clickhouse/embedded/sandbox/launcher-main.js'));

/** Becomes another program on a kernel that has no Landlock, to it: a filter refuses its first call with ENOSYS. */
const withoutLandlock = (args: readonly string[], environment = {}) => `
  forbidNewPrivileges(native);
  const filter = Buffer.alloc(32);
  const lines = [[0x20, 0, 0, 0], [0x15, 0, 1, 444], [0x06, 0, 0, 0x00050000 | 38], [0x06, 0, 0, 0x7fff0000]];
  for (const [at, [code, yes, no, value]] of lines.entries()) {
    filter.writeUInt16LE(code, 8 * at);
    filter.writeUInt8(yes, 8 * at + 2);
    filter.writeUInt8(no, 8 * at + 3);
    filter.writeUInt32LE(value, 8 * at + 4);
  }
  const program = Buffer.alloc(16);
  program.writeUInt16LE(4, 0);
  program.writeBigUInt64LE(native.addressOf(filter), 8);
  native.syscall('set the filter', process.arch === 'x64' ? 317 : 277, 1, 0, program);
  becomeProgram(native, ${JSON.stringify(args)}, ${JSON.stringify(environment)});`;

const launcherOf = (at: Premises, mode: string) => withoutLandlock([launcher, mode, at.dataDir, at.spoolDir, '0']);

confined('on a kernel without Landlock the engine runs, and says what is missing', async () => {
  const at = createPremises(tempDir());
  const child = forkConfined(at, '', { before: launcherOf(at, 'auto') });
  const report = await answerOf<LaunchReport>(child);
  const detail = expect.stringContaining('this kernel has no Landlock');
  expect(report).toEqual({ type: 'launching', sandbox: { kind: 'none', detail } });
  child.send({ type: 'start', options: engineOptions(at) });
  expect(await answerOf<EngineReport>(child)).toMatchObject({ type: 'ready' });
  const socket = createServer().listen(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address() as { readonly port: number };
  child.send({ type: 'listen' }, socket);
  expect(await answerOf<EngineReport>(child)).toEqual({ type: 'listening' });
  socket.close();
  expect(await (await fetch(`http://127.0.0.1:${port}/?query=SELECT+1`)).text()).toBe('1\n');
  child.send({ type: 'stop', deadlineMs: 60_000 });
  expect(await once(child, 'exit')).toEqual([0, null]);
});

confined('on a kernel without Landlock an engine that must be confined does not run', async () => {
  const at = createPremises(tempDir());
  const child = forkConfined(at, '', { before: launcherOf(at, 'on') });
  const exited = once(child, 'exit');
  const message = expect.stringContaining('this kernel has no Landlock');
  expect(await answerOf<LaunchReport>(child)).toEqual({ type: 'unconfined', message });
  expect(await exited).toEqual([1, null]);
});

confined('a collector whose engine must be confined does not start where it cannot be', async () => {
  const at = createPremises(tempDir());
  const environment = { TIDEMARK_DATA_DIR: at.root, TIDEMARK_PORT: '0', TIDEMARK_CLICKHOUSE_SANDBOX: 'on' };
  const main = fileURLToPath(packageFile('dist/src/main.js'));
  const child = forkConfined(at, '', { before: withoutLandlock([main], environment), stderr: 'pipe' });
  let told = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  expect(await once(child, 'exit')).toEqual([1, null]);
  await expect.poll(() => told).toContain('cannot confine the embedded engine: this kernel has no Landlock');
});

/** By the kernel's tables of calls, `AUDIT_ARCH_*` among them. */
const processors = {
  x64: { architecture: 0xc000003e, socket: 41, connect: 42, accept4: 288, sendto: 44, sendmsg: 46, sendmmsg: 307 },
  arm64: {
    architecture: 0xc00000b7,
    socket: 198,
    connect: 203,
    accept4: 242,
    sendto: 206,
    sendmsg: 211,
    sendmmsg: 269,
  },
} as const;

test.each(['x64', 'arm64'] as const)('the filter of sockets lets streams be made and accepted on %s', (processor) => {
  const { architecture, ...calls } = processors[processor];
  const program = createSocketFilter(processor) ?? Buffer.alloc(0);
  const answer = (call: number, ...values: number[]) => filterAnswer(program, { call, architecture, values });
  const [allowed, refused, absent] = [0x7fff0000, 0x0005000d, 0x00050026];
  const [unix, ipv4, netlink, ipv6] = [1, 2, 16, 10];
  const [stream, datagram, nonBlocking, fastOpen, noSignal] = [1, 2, 0x800, 0x20000000, 0x4000];
  const [tcp, udp, mptcp] = [6, 17, 262];
  expect(answer(calls.socket, ipv4, stream | nonBlocking, 0)).toBe(allowed);
  expect(answer(calls.socket, ipv6, stream, tcp)).toBe(allowed);
  expect(answer(calls.socket, unix, stream, 0)).toBe(allowed);
  expect(answer(calls.socket, ipv4, stream, mptcp)).toBe(refused);
  expect(answer(calls.socket, ipv4, datagram, udp)).toBe(refused);
  expect(answer(calls.socket, unix, datagram, 0)).toBe(refused);
  expect(answer(calls.socket, netlink, stream, 0)).toBe(refused);
  expect(answer(calls.connect, 3)).toBe(refused);
  expect(answer(calls.accept4, 3)).toBe(allowed);
  expect(answer(calls.sendto, 3, 0, 0, noSignal)).toBe(allowed);
  expect(answer(calls.sendto, 3, 0, 0, noSignal | fastOpen)).toBe(refused);
  expect(answer(calls.sendmsg, 3, 0, noSignal)).toBe(allowed);
  expect(answer(calls.sendmsg, 3, 0, fastOpen)).toBe(refused);
  expect(answer(calls.sendmmsg, 3, 0, 0, fastOpen)).toBe(refused);
  expect(answer(425)).toBe(absent);
  // The 32-bit calls: of the same processor, and of x32.
  expect(filterAnswer(program, { call: 102, architecture: 0x40000003, values: [] })).toBe(refused);
  expect(answer(0x40000000 | calls.connect)).toBe(processor === 'x64' ? refused : allowed);
});
