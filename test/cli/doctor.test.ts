import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../bench/free-port.js';
import { packageFile } from '../../src/core/package-root.js';
import { DataDirLock } from '../../src/spool/data-dir-lock.js';
import { createFileLocker } from '../../src/spool/file-locker.js';
import { nodeFileSystem } from '../../src/spool/file-system.js';
import { partOf } from '../damage/damages.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { append, startSpoolOn } from '../support/spool-rig.js';
import { tempDir } from '../support/temp-dir.js';
import { tidemark } from '../support/tidemark-command.js';

const program = fileURLToPath(packageFile('dist/src/cli/tidemark.js'));

interface Finding {
  readonly subject: string;
  readonly severity: 'ok' | 'warn' | 'fault' | 'unknown';
  readonly found: string;
  readonly advice: string | null;
}

type Env = Readonly<Record<string, string>>;

/** With ports that nobody has: one port after another is free, as long as nobody takes it. */
async function freePorts(): Promise<Env> {
  return { TIDEMARK_PORT: String(await freePort()), TIDEMARK_CLICKHOUSE_PORT: String(await freePort()) };
}

async function doctor(env: Env, ...words: readonly string[]) {
  const { code, stdout, stderr } = await tidemark(['doctor', '--json', ...words], { env });
  expect(stderr).toBe('');
  const { findings, worst } = JSON.parse(stdout) as { readonly findings: Finding[]; readonly worst: string };
  expect(code, stdout).toBe(worst === 'fault' ? 1 : 0);
  for (const { severity, advice } of findings) {
    // Whatever is wrong is told with what to do.
    if (severity === 'warn' || severity === 'fault') expect(advice).toMatch(/\w/);
  }
  const named = (severity: Finding['severity']) =>
    findings
      // How long a sync takes is for the disk of this machine to say.
      .filter((each) => each.severity === severity && !each.found.startsWith('a sync takes'))
      .map(({ subject, found }) => `${subject}: ${found}`);
  return {
    code,
    findings,
    faults: named('fault'),
    warnings: named('warn'),
    unknown: named('unknown'),
    ok: named('ok'),
  };
}

/** Three closed segments of two rows each, one more that a kill left open, as a spool leaves them. */
async function spoolIn(dataDir: string): Promise<readonly string[]> {
  const { spool, clock } = await startSpoolOn(nodeFileSystem, { directory: join(dataDir, 'spool') });
  for (const seq of [1, 2, 3]) {
    await append(spool, { rows: 2, frames: [{ seq }], eventIds: [seq] });
    clock.advance(60_000);
    await expect
      .poll(() => readdirSync(join(dataDir, 'spool')).filter((name) => name.endsWith('.log')).length)
      .toBe(seq);
  }
  await append(spool, { rows: 2, frames: [{ seq: 4 }], eventIds: [4] });
  const ids = readdirSync(join(dataDir, 'spool')).flatMap((name) => /^(.{36})\.log$/.exec(name)?.[1] ?? []);
  return ids.sort();
}

function flipByte(path: string, at: number): void {
  const byte = readFileSync(path)[at] ?? 0;
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.of(byte ^ 1), 0, 1, at);
  closeSync(fd);
}

test('where nothing was ever started nothing is wrong, and what cannot be asked is not known', async () => {
  const dataDir = join(tempDir(), 'none');
  const { code, faults, warnings, unknown, ok } = await doctor({ ...(await freePorts()), TIDEMARK_DATA_DIR: dataDir });
  expect([code, faults, warnings]).toEqual([0, [], []]);
  expect(unknown).toEqual([expect.stringMatching(/^collector: none answers at /)]);
  expect(ok.map((each) => each.split(':')[0])).toEqual(
    expect.arrayContaining(['config', 'node', 'sockets', 'data directory', 'ports', 'engine']),
  );
  expect(existsSync(dataDir)).toBe(false);
});

test('every problem of a configuration is a fault of its own', async () => {
  const { faults } = await doctor({ TIDEMARK_PORT: 'many', TIDEMARK_SPOOL_SEGMENT_ROWS_MAX: '-1' });
  expect(faults).toEqual([
    expect.stringContaining('config: TIDEMARK_PORT: "many" is not allowed'),
    expect.stringContaining('config: TIDEMARK_SPOOL_SEGMENT_ROWS_MAX: "-1" is not allowed'),
  ]);
  const nowhere = await tidemark(['doctor', '--url', 'somewhere']);
  expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot use the address somewhere') });
});

test('what a killed collector left is told as waiting, and damage of each kind of file as what it is', async () => {
  const dataDir = tempDir();
  const [first = '', second = '', third = '', open = ''] = await spoolIn(dataDir);
  const env = { ...(await freePorts()), TIDEMARK_DATA_DIR: dataDir };
  const left = await doctor(env);
  expect(left.faults).toEqual([]);
  expect(left.warnings).toEqual([expect.stringMatching(/^spool: 8 events in 4 segments \(\S+ \w+\) wait, the oldest/)]);

  const spool = (name: string) => join(dataDir, 'spool', name);
  flipByte(spool(`${first}.data`), 3);
  truncateSync(spool(`${second}.log`), 100);
  rmSync(spool(`${third}.data`));
  for (const kind of ['data', 'log']) renameSync(spool(`${open}.${kind}`), spool(`${open}.${kind}.quarantined`));
  rmSync(spool('positions'));
  writeFileSync(spool('event-ids-0000000001'), 'nonsense');
  writeFileSync(join(dataDir, 'api-keys.json'), '{"version":1,"keys":[{"name"');
  chmodSync(join(dataDir, 'api-keys.json'), 0o644);
  writeFileSync(join(dataDir, 'engine-reader-password'), '', { mode: 0o600 });
  mkdirSync(join(dataDir, 'engine-writer-password'));
  const { faults, warnings } = await doctor(env);
  expect(faults).toEqual([
    expect.stringContaining(`keys: cannot use ${join(dataDir, 'api-keys.json')}: it is not the JSON of a key file`),
    expect.stringMatching(/^keys: \S+engine-writer-password: EISDIR/),
    expect.stringMatching(/^keys: others may read \S+api-keys\.json \(mode 644\)$/),
    expect.stringContaining(`spool: segment ${first}: the rows at byte 0 of its data file are damaged`),
    expect.stringContaining(`spool: segment ${second}: its log is damaged`),
    expect.stringContaining(`spool: segment ${third}: its data file is missing`),
    expect.stringMatching(/^spool: 1 segment of 2 events set aside in \S+, 1 of them intact$/),
  ]);
  expect(warnings).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^keys: \S+engine-reader-password: the password in the file is empty or cut short$/),
      expect.stringMatching(/^spool: \S+positions: it is missing/),
      expect.stringMatching(/^spool: \S+event-ids-0000000001: it ends too early/),
    ]),
  );
});

test('a directory in the place of a file, a newer version and a clock that cannot be right are named', async () => {
  const dataDir = tempDir();
  await spoolIn(dataDir);
  mkdirSync(join(dataDir, 'collector.lock'));
  writeFileSync(join(dataDir, 'admin-key'), 'tdm_unknown\n', { mode: 0o600 });
  writeFileSync(join(dataDir, 'format.json'), '{"format":9,"version":"3.0.0"}');
  rmSync(join(dataDir, 'spool', 'positions'));
  mkdirSync(join(dataDir, 'spool', 'positions'));
  // 1970, as a machine without a battery has it until somebody sets its clock.
  const hook = join(dataDir, 'hook.mjs');
  writeFileSync(hook, 'const { now } = Date; const start = now(); Date.now = () => now() - start;');
  const env = {
    ...(await freePorts()),
    TIDEMARK_DATA_DIR: dataDir,
    TIDEMARK_API_KEYS: `${testKey}:default:admin`,
    NODE_OPTIONS: `--import ${hook}`,
  };
  expect((await doctor(env)).faults).toEqual([
    expect.stringContaining(`data directory: ${join(dataDir, 'collector.lock')} is a directory`),
    expect.stringContaining('Tidemark 3.0.0 wrote it (format 9), which is newer than this one'),
    expect.stringMatching(/^spool: cannot read it: EISDIR: \S+positions is a directory where a file should be/),
  ]);
  rmSync(join(dataDir, 'spool', 'positions'), { recursive: true });
  expect((await doctor(env)).faults).toContainEqual(expect.stringMatching(/^clock: it says 1970-01-01T.*at least$/));

  const file = join(dataDir, 'admin-key');
  expect((await doctor({ ...env, TIDEMARK_DATA_DIR: file })).faults).toEqual([
    `data directory: ${file} is not a directory`,
  ]);
});

async function otherProgram(): Promise<string> {
  const other = createServer((_request, response) => response.end('another program')).listen(0, '127.0.0.1');
  onTestFinished(() => void other.close());
  await new Promise((resolve) => other.once('listening', resolve));
  return String((other.address() as AddressInfo).port);
}

test('ports that others have and a directory that a silent process holds are named with who it is', async () => {
  const dataDir = tempDir();
  const [port, enginePort] = [await otherProgram(), await otherProgram()];
  const lock = new DataDirLock({ locker: createFileLocker({ lock: null }) }, dataDir);
  await lock.start();
  const { faults } = await doctor({
    TIDEMARK_DATA_DIR: dataDir,
    TIDEMARK_PORT: port,
    TIDEMARK_CLICKHOUSE_PORT: enginePort,
  });
  await lock.stop();
  const us = `is taken by process ${process.pid} `;
  expect(faults).toEqual([
    expect.stringMatching(/^data directory: process \d+ on \S+ has it, and no collector answers at /),
    expect.stringContaining(`ports: port ${port} (TIDEMARK_PORT) ${us}`),
    expect.stringContaining(`ports: port ${enginePort} (TIDEMARK_CLICKHOUSE_PORT) ${us}`),
    expect.stringMatching(/^collector: another program answers at \S+: \/health is answered with 200/),
  ]);
});

const disk = { TIDEMARK_HEALTH_DISK_DEGRADED_RATIO: '0.98', TIDEMARK_HEALTH_DISK_UNHEALTHY_RATIO: '0.99' };
let running: CollectorProcess;
let runningEnv: Env;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-doctor-'));
  running = new CollectorProcess({ dataDir: directory, env: disk });
  await running.start();
  runningEnv = {
    ...disk,
    TIDEMARK_DATA_DIR: directory,
    TIDEMARK_PORT: new URL(running.url).port,
    TIDEMARK_CLICKHOUSE_PORT: new URL(running.storeUrl).port,
    TIDEMARK_API_KEYS: `${testKey}:default:admin`,
  };
});

afterAll(async () => {
  await running.stop();
  rmSync(directory, { recursive: true, force: true });
});

test('of a collector that runs it tells all that it can be asked, and finds no fault', async () => {
  await running.query('SELECT 1');
  const sent = await fetch(`${running.url}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'task.completed', agent_id: 'a', task_id: 't', duration_ms: 5 }),
  });
  expect(sent.status).toBe(202);
  await expect
    .poll(async () => (await running.query<{ n: number }>('SELECT count() AS n FROM agent_events_raw_v1'))[0]?.n)
    .toBe(1);
  await expect
    .poll(async () => (await doctor(runningEnv)).ok)
    .toEqual(
      expect.arrayContaining([
        `data directory: the collector (process ${running.pid}) has it`,
        `ports: port ${runningEnv.TIDEMARK_PORT} (TIDEMARK_PORT) is the collector's`,
        `ports: port ${runningEnv.TIDEMARK_CLICKHOUSE_PORT} (TIDEMARK_CLICKHOUSE_PORT) is the collector's`,
        expect.stringMatching(/^engine: ClickHouse \d+\.\d+\S*, up for /),
        expect.stringMatching(/^tables: 1 event in \d+ tables of /),
        expect.stringMatching(/^tables: the newest row is \d+ s old/),
        'tables: nothing that should have expired is still there',
        'schema: every migration is applied',
        'spool: no segment is set aside',
        expect.stringMatching(/^ledger: the event counters add up: received 1, durable 1, inserted 1, spooled 0$/),
      ]),
    );
  // A part that is asked while the machine stands still does not answer in time.
  const wrong = async () => {
    const { faults, unknown } = await doctor(runningEnv);
    return [faults, unknown];
  };
  await expect.poll(wrong).toEqual([[], []]);
});

test('a key that it does not know, and another machine, leave things unknown, which is no fault', async () => {
  const { code, unknown, faults } = await doctor(runningEnv, '--key', 'tdm_another_key_than_it_has');
  expect([code, faults]).toEqual([0, []]);
  expect(unknown[0]).toMatch(/^collector: it answers at \S+ and does not tell more: 401 key_invalid$/);
  const { unknown: elsewhere } = await doctor({ ...runningEnv, TIDEMARK_URL: 'http://tidemark.invalid:7077' });
  expect(elsewhere.map((each) => each.split(':')[0])).toEqual(['data directory', 'collector']);
});

test('for people each finding is a line, with what to do below it and a sum at the end', async () => {
  const { code, stdout } = await tidemark(['doctor'], {
    env: { ...(await freePorts()), TIDEMARK_DATA_DIR: tempDir() },
  });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ok {7}config {10}every setting is allowed$/m);
  expect(stdout).toMatch(/^ {25}-> start it, or give its --url$/m);
  expect(stdout).toMatch(/^0 faults, \d+ warnings?, \d+ ok, \d+ not known$/m);
});

test('an engine that does not start, a disk that is too full and a part that is broken are named', async () => {
  await running.stop();
  // Without a copy nothing is put back.
  rmSync(join(directory, 'engine/definitions.json'));
  const metadata = join(directory, 'engine/db/metadata/tidemark.sql');
  const kept = readFileSync(metadata);
  writeFileSync(metadata, '');
  // Events are refused by a disk that is this full.
  const env = { ...disk, TIDEMARK_SPOOL_DISK_USED_RATIO_MAX: '0.1' };
  const ill = new CollectorProcess({ dataDir: directory, env });
  onTestFinished(async () => void (await ill.stop()));
  await ill.start();
  const where = {
    ...runningEnv,
    ...env,
    TIDEMARK_PORT: new URL(ill.url).port,
    TIDEMARK_CLICKHOUSE_PORT: new URL(ill.storeUrl).port,
  };
  await expect
    .poll(async () => (await doctor(where)).faults)
    .toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^disk: .* events are refused$/),
        expect.stringMatching(/^schema: schema is degraded: .*while loading database .*metadata\/tidemark\.sql/),
        expect.stringMatching(/^spool: spool is unhealthy: the disk is almost full; appends are refused$/),
      ]),
    );
  await ill.stop();
  writeFileSync(metadata, kept);

  // A part that cannot be read any more is set aside, and its rows are gone with it.
  truncateSync(join(partOf(directory, 'agent_events_raw_v1', 'newest'), 'data.bin'), 0);
  const mended = new CollectorProcess({ dataDir: directory, env: disk });
  onTestFinished(async () => void (await mended.stop()));
  await mended.start();
  const ports = {
    TIDEMARK_PORT: new URL(mended.url).port,
    TIDEMARK_CLICKHOUSE_PORT: new URL(mended.storeUrl).port,
  };
  await expect
    .poll(async () => (await doctor({ ...runningEnv, ...ports })).faults)
    .toEqual(expect.arrayContaining(['tables: the engine has set 1 part aside (system.detached_parts)']));
});

test('a ClickHouse that is away, what was set aside, and too few open files are named', async () => {
  const dataDir = tempDir();
  const ids = await spoolIn(dataDir);
  for (const kind of ['data', 'log']) {
    const path = join(dataDir, 'spool', `${ids[0]}.${kind}`);
    renameSync(path, `${path}.quarantined`);
  }
  const away = { TIDEMARK_CLICKHOUSE_URL: `http://127.0.0.1:${await freePort()}` };
  const alone = new CollectorProcess({ dataDir, env: away, openFilesMax: 1_024 });
  onTestFinished(async () => void (await alone.stop()));
  await alone.start();
  const env = {
    ...away,
    TIDEMARK_DATA_DIR: dataDir,
    TIDEMARK_PORT: new URL(alone.url).port,
    TIDEMARK_API_KEYS: `${testKey}:default:admin`,
  };
  await expect
    .poll(async () => (await doctor(env)).faults)
    .toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^engine: clickhouse is degraded: ClickHouse does not answer; events are still accepted/),
        expect.stringMatching(/^engine: ClickHouse does not answer at http:/),
        expect.stringMatching(/^schema: schema is degraded: /),
        expect.stringMatching(/^ledger: delivery is degraded: the oldest undelivered event is /),
        'spool: spool is degraded: 1 segments are quarantined',
        expect.stringMatching(/^spool: 1 segment of 2 events set aside in /),
      ]),
    );
  const limited = ['-c', 'ulimit -n 1024; exec "$@"', 'sh', process.execPath, program, 'doctor', '--json'];
  const { stdout } = spawnSync('sh', limited, { env: { PATH: process.env.PATH, ...env }, encoding: 'utf8' });
  expect(JSON.parse(stdout).findings).toContainEqual(
    expect.objectContaining({ subject: 'node', severity: 'warn', found: expect.stringContaining('1024 files') }),
  );
});
