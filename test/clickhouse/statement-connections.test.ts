import { expect, test } from 'vitest';
import type { ChdbEngine, ChdbResult } from '../../src/clickhouse/embedded/chdb-engine.js';
import type { ConnectionSetup } from '../../src/clickhouse/embedded/statements/connection-prelude.js';
import { StatementConnections } from '../../src/clickhouse/embedded/statements/statement-connections.js';

/** Which connections are opened, used and closed; what the engine makes of them is in kept-connections.test.ts. */
class ScriptedEngine {
  opened = 0;
  readonly closed: number[] = [];
  /** What ran on which connection; that of the engine itself is 0. */
  readonly ran: (readonly [number, string])[] = [];
  failing = false;

  asEngine(): ChdbEngine {
    const run = (id: number) => async (prelude: string, sql: string) => {
      this.ran.push([id, prelude === '' ? sql : `${prelude} | ${sql}`]);
      if (this.failing) throw new Error('failed');
      return { bytes: new Uint8Array() } as ChdbResult;
    };
    const connect = () => {
      const id = ++this.opened;
      return { run: run(id), close: async () => void this.closed.push(id) };
    };
    return { connect, run: run(0) } as unknown as ChdbEngine;
  }
}

function rig(waitingMax = 4) {
  const engine = new ScriptedEngine();
  const connections = new StatementConnections(engine.asEngine(), waitingMax);
  const run = (setup: ConnectionSetup) => connections.take(setup, null).run('SELECT 1', 'TSV');
  return { engine, connections, run };
}

const setup: ConnectionSetup = {
  database: 'tidemark',
  settings: new Map([['priority', '1']]),
  parameters: new Map([['a', '1']]),
  isLocked: true,
  keptFor: 'collector',
};

test('a statement of the same setup has the connection of the one before, and its own values', async () => {
  const { engine, run } = rig();
  await run(setup);
  await run(setup);
  await run({ ...setup, parameters: new Map([['a', "it's"]]) });
  expect(engine.opened).toBe(1);
  const settings = "calculate_text_stack_trace = 0, priority = '1', log_comment = ' tidemark:1'";
  expect(engine.ran).toEqual([
    [1, `USE \`tidemark\`; SET ${settings}, param_a = '1', readonly = 1 | SELECT 1`],
    [1, 'SELECT 1'],
    [1, "SET param_a = 'it\\'s';\nSELECT 1"],
  ]);
  expect(engine.closed).toEqual([]);
});

test.each<readonly [string, Partial<ConnectionSetup>]>([
  ['of somebody else', { keptFor: 'default' }],
  ['in another database', { database: 'system' }],
  ['with another setting', { settings: new Map([['priority', '2']]) }],
  ['with one setting more', { settings: new Map([...setup.settings, ['max_threads', '1']]) }],
  ['with one setting less', { settings: new Map() }],
  ['with another parameter', { parameters: new Map([['b', '1']]) }],
  ['with one parameter less', { parameters: new Map() }],
  ['that keeps none', { keptFor: null }],
  ['that is not locked', { isLocked: false }],
  ['with temporary tables', { tables: ['CREATE TEMPORARY TABLE x (a Int8)'] }],
  ['with parameters of 32 KiB', { parameters: new Map([['a', 'x'.repeat(32_769)]]) }],
])('a statement %s has another connection', async (_, other) => {
  const { engine, run } = rig();
  await run(setup);
  await run({ ...setup, ...other });
  expect(engine.ran[1]?.[0]).not.toBe(1);
});

test('two statements at once have two connections, each with a tag of its own', async () => {
  const { engine, connections } = rig();
  const [first, second] = [connections.take(setup, null), connections.take(setup, null)];
  expect(first.tag).not.toBe(second.tag);
  await Promise.all([first.run('SELECT 1', 'TSV'), second.run('SELECT 1', 'TSV')]);
  expect(engine.opened).toBe(2);
  expect(connections.take(setup, null).tag).toBe(second.tag);
});

test('a connection on which a statement failed, or was about to be cancelled, is closed', async () => {
  const { engine, connections, run } = rig();
  engine.failing = true;
  await expect(run(setup)).rejects.toThrow('failed');
  engine.failing = false;
  expect(engine.closed).toEqual([1]);
  const cancelled = connections.take(setup, null);
  const running = cancelled.run('SELECT 1', 'TSV');
  expect(cancelled.spoil()).toBe(true);
  await running;
  expect(engine.closed).toEqual([1, 2]);
  const ended = connections.take(setup, null);
  await ended.run('SELECT 1', 'TSV');
  expect(ended.spoil()).toBe(false);
  expect(engine.closed).toEqual([1, 2]);
});

test('no more wait than may, and none after a change of the schema or the end, nor what was out then', async () => {
  const { engine, connections, run } = rig(2);
  for (const database of ['a', 'b', 'c']) await run({ ...setup, database });
  expect(engine.closed).toEqual([1]);
  const out = connections.take(setup, null);
  connections.forget();
  expect(engine.closed).toEqual([1, 2, 3]);
  await out.run('SELECT 1', 'TSV');
  expect(engine.closed).toEqual([1, 2, 3, 4]);
  await run(setup);
  const last = connections.take(setup, null);
  await connections.close();
  await last.run('SELECT 1', 'TSV');
  await run(setup);
  expect(engine.closed).toEqual([1, 2, 3, 4, 5, 6]);
});
