import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';
import { CollectorProcess } from '../support/collector-process.js';

const run = promisify(execFile);
const readme = readFileSync(packageFile('README.md'), 'utf8');
const directory = mkdtempSync(join(tmpdir(), 'tidemark-readme-'));
// No key from outside: the first start makes one, as it does for the reader.
const collector = new CollectorProcess({
  dataDir: join(directory, 'data'),
  env: { TIDEMARK_API_KEYS: '' },
  makesStore: true,
});
let key = '';

beforeAll(async () => {
  await collector.start();
  key = readFileSync(join(directory, 'data', 'admin-key'), 'utf8').trim();
  symlinkSync(fileURLToPath(packageFile('node_modules')), join(directory, 'node_modules'));
});
afterAll(async () => {
  await collector.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** An example of the README, at this collector's address instead of the usual one. */
function example(name: string): string {
  const code = new RegExp(`<!-- example: ${name} -->\\n\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``).exec(readme)?.[1];
  expect(code, `the README has an example ${name}`).toBeDefined();
  return code!.replaceAll('127.0.0.1:7077', new URL(collector.url).host);
}

async function eventsOf(agent: string): Promise<number> {
  const sql = `SELECT count() AS events FROM agent_events WHERE agent_id = '${agent}'`;
  return Number((await collector.query<{ readonly events: string }>(sql))[0]?.events);
}

test('the first event with curl works as written, and the live answer shows it', async () => {
  const block = /```sh\nKEY=[^\n]*\n([\s\S]*?)```/
    .exec(readme)?.[1]
    ?.replaceAll('127.0.0.1:7077', new URL(collector.url).host);
  const { stdout } = await run('bash', ['-c', block!.replaceAll('curl ', 'curl -s ')], {
    env: { ...process.env, KEY: key },
  });
  const [accepted, live] = stdout.trim().split('\n');
  expect(JSON.parse(accepted!)).toEqual({ accepted: 1, rejected: 0, duplicates: 0, errors: [] });
  expect(JSON.parse(live!)).toMatchObject({ agent_id: 'my-agent', windows: { '1m': { total_executions: 1 } } });
  await expect.poll(() => eventsOf('my-agent')).toBe(1);
});

test('the plain JavaScript example works as written', async () => {
  const hasWebSocket = Number(process.versions.node.split('.')[0]) >= 22;
  const path = join(directory, 'first.mjs');
  writeFileSync(path, `${hasWebSocket ? '' : "import WebSocket from 'ws';\n"}${example('first.mjs')}`);
  const { stdout } = await run(process.execPath, [path], { env: { ...process.env, KEY: key } });
  expect(stdout).toMatch(/op: 'hello'[\s\S]*op: 'ack', seq: 1/);
  await expect.poll(() => eventsOf('js-agent')).toBe(1);
});

test.skipIf(!pythonHasPackages())('the plain Python example works as written', async () => {
  const path = join(directory, 'first.py');
  writeFileSync(path, example('first.py'));
  const { stdout } = await run('python3', [path], { env: { ...process.env, KEY: key } });
  expect(stdout).toContain("{'op': 'ack', 'seq': 1}");
  await expect.poll(() => eventsOf('py-agent')).toBe(2);
});

function pythonHasPackages(): boolean {
  try {
    execFileSync('python3', ['-c', 'import websockets, msgpack'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
