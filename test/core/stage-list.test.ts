import { expect, test } from 'vitest';
import { CollectorError } from '../../src/core/errors.js';
import { type Logger, silentLogger } from '../../src/core/logger.js';
import { type Stage, sideBySide } from '../../src/core/stage.js';
import { StageList } from '../../src/core/stage-list.js';
import { FakeClock } from '../support/fake-clock.js';

/** What becomes of stages that do what a script says; `done` has it in the order it happened. */
function setUp() {
  const clock = new FakeClock();
  const done: string[] = [];
  const logged: string[] = [];
  const note = (context: object, message: string): void =>
    void logged.push(`${message}: ${Object.values(context).join(' ')}`);
  const logger: Logger = { ...silentLogger, warn: note, error: note };
  const scripted = (name: string, script: { readonly start?: Promise<void>; readonly stop?: Promise<void> } = {}) => ({
    name,
    async start() {
      done.push(`start ${name}`);
      await script.start;
    },
    async stop(deadlineMs: number) {
      done.push(`stop ${name} within ${deadlineMs}`);
      await script.stop;
    },
  });
  return { clock, done, logged, list: new StageList({ clock, logger }), scripted };
}

async function startAll(list: StageList, stages: readonly Stage[]): Promise<void> {
  for (const stage of stages) await list.start(stage);
}

function refused(message: string): Promise<void> {
  const refusal = Promise.reject(new Error(message));
  refusal.catch(() => undefined);
  return refusal;
}

const never = new Promise<void>(() => {});

/** Lets promises come to rest. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test('stages are started in order and stopped in reverse, once', async () => {
  const { list, done, scripted } = setUp();
  await startAll(list, [scripted('spool'), scripted('decode'), scripted('http')]);
  await Promise.all([list.stop(1_000), list.stop(1_000)]);
  expect(done).toEqual([
    'start spool',
    'start decode',
    'start http',
    'stop http within 1000',
    'stop decode within 1000',
    'stop spool within 1000',
  ]);
});

test('a stage whose stop fails keeps no other from stopping, is logged, and is told of at the end', async () => {
  const { list, done, logged, scripted } = setUp();
  const broken: Stage = {
    name: 'decode',
    stop() {
      throw new Error('no such thread');
    },
  };
  const stages = [scripted('lock'), scripted('spool', { stop: refused('no such file') }), broken, scripted('http')];
  await startAll(list, stages);
  done.splice(0);
  const failure = await list.stop(1_000).catch((error: unknown) => error);
  expect(done.map((step) => step.split(' ')[1])).toEqual(['http', 'spool', 'lock']);
  expect(logged).toEqual([
    'a stage cannot be stopped: decode no such thread',
    'a stage cannot be stopped: spool no such file',
  ]);
  expect(failure).toBeInstanceOf(CollectorError);
  expect(failure).toMatchObject({
    code: 'internal',
    message: 'cannot stop decode: no such thread; spool: no such file',
    cause: { errors: [{ message: 'no such thread' }, { message: 'no such file' }] },
  });
});

test('a stage that does not stop in time is left behind, and those after it have a moment each', async () => {
  const { clock, list, done, logged, scripted } = setUp();
  await startAll(list, [scripted('spool'), scripted('engine', { stop: never }), scripted('http')]);
  done.splice(0);
  const stopped = list.stop(5_000);
  for (let tenth = 0; tenth < 60; tenth++) {
    await settle();
    clock.advance(100);
  }
  await stopped;
  expect(done).toEqual(['stop http within 5000', 'stop engine within 5000', 'stop spool within 100']);
  expect(logged).toEqual(['a stage has not stopped in time and is left as it is: engine 5000']);
  expect(clock.pendingTimers()).toBe(0);
});

test('a start that fails is told as it is, and what was started by then is stopped', async () => {
  const { list, done, scripted } = setUp();
  const stages = [scripted('spool'), scripted('http', { start: refused('port taken') }), scripted('late')];
  await expect(startAll(list, stages)).rejects.toThrow('port taken');
  await list.stop(1_000);
  expect(done).toEqual(['start spool', 'start http', 'stop http within 1000', 'stop spool within 1000']);
});

test('nothing is started any more once the stop has begun', async () => {
  const { list, done, scripted } = setUp();
  let finish = () => {};
  const starting = startAll(list, [
    scripted('spool', { start: new Promise((resolve) => (finish = resolve)) }),
    scripted('http'),
  ]);
  await list.stop(1_000);
  finish();
  await expect(starting).rejects.toMatchObject({ code: 'stopping', message: /^cannot start spool: / });
  await expect(list.start(scripted('more'))).rejects.toMatchObject({ code: 'stopping' });
  expect(done).toEqual(['start spool', 'stop spool within 1000']);
});

test('a stage has what it needs: one without start or stop is passed over', async () => {
  const { list, done, scripted } = setUp();
  await startAll(list, [{ name: 'nothing' }, { name: 'client', stop: scripted('client').stop }]);
  list.add(scripted('added'));
  await list.stop(1_000);
  expect(done).toEqual(['stop added within 1000', 'stop client within 1000']);
});

test('stages side by side are stopped at once, and each failure among them is told', async () => {
  const { list, done, scripted } = setUp();
  const failing = (name: string) => scripted(name, { stop: refused(`${name} is broken`) });
  await list.start(sideBySide('background', [failing('one'), { name: 'two' }, failing('three'), scripted('four')]));
  done.splice(0);
  await expect(list.stop(700)).rejects.toThrow('cannot stop background: one is broken; three is broken');
  expect(done).toEqual(['stop one within 700', 'stop three within 700', 'stop four within 700']);
});
