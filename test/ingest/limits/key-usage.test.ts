import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { noKeyLimits } from '../../../src/core/key-limits.js';
import type { Principal } from '../../../src/core/ports/authenticator.js';
import type { HttpRequest } from '../../../src/core/ports/http-route.js';
import { problemOf } from '../../../src/core/problem.js';
import { createEventsRoute } from '../../../src/ingest/events-route.js';
import { RequestFrames } from '../../../src/ingest/request-frames.js';
import { FakeClock } from '../../support/fake-clock.js';
import { createIngestOver } from '../../support/ingest-rig.js';
import { createBudgets } from '../../support/key-budgets.js';
import { ScriptedAppender } from '../../support/scripted-appender.js';
import { settle } from '../../support/spool-rig.js';
import { tempDir } from '../../support/temp-dir.js';

const caller = { tenant: 'acme', keyName: 'k', scopes: new Set(['ingest'] as const), contentAllowed: false };
const quota = { ...caller, limits: { ...noKeyLimits, eventsPerDay: 100 } };

test('what a key has sent today outlives a stop, and a kill but for the last ten seconds', async () => {
  const dataDir = tempDir();
  const clock = new FakeClock();
  const first = createBudgets({ dataDir, clock });
  await first.budgets.start();
  first.budgets.of(quota).takeEvents(40, 40);
  clock.advance(10_000);
  await expect.poll(() => readFileSync(join(dataDir, 'key-usage.json'), 'utf8')).toContain('"acme k":40');
  expect(statSync(join(dataDir, 'key-usage.json')).mode & 0o777).toBe(0o600);
  first.budgets.of(quota).takeEvents(5, 5);
  const killed = createBudgets({ dataDir, clock });
  await killed.budgets.start();
  expect(killed.budgets.of(quota).day.count()).toBe(40);
  await first.budgets.stop();
  const stopped = createBudgets({ dataDir, clock });
  await stopped.budgets.start();
  expect(stopped.budgets.eventsToday('acme', 'k')).toBeNull();
  expect([stopped.budgets.of(quota).day.count(), stopped.budgets.eventsToday('acme', 'k')]).toEqual([45, 45]);
  expect(stopped.budgets.quotaUses()).toEqual([{ tenant: 'acme', key: 'k', ratio: 0.45 }]);
  clock.advance(86_400_000);
  const tomorrow = createBudgets({ dataDir, clock });
  await tomorrow.budgets.start();
  expect(tomorrow.budgets.of(quota).day.count()).toBe(0);
});

test('the count of a key that nobody came with since the start is kept', async () => {
  const dataDir = tempDir();
  const clock = new FakeClock();
  const first = createBudgets({ dataDir, clock });
  first.budgets.of(quota).takeEvents(40, 40);
  await first.budgets.stop();
  const second = createBudgets({ dataDir, clock });
  await second.budgets.start();
  second.budgets.of({ ...quota, keyName: 'other' }).takeEvents(1, 1);
  await second.budgets.stop();
  const third = createBudgets({ dataDir, clock });
  await third.budgets.start();
  expect(third.budgets.of(quota).day.count()).toBe(40);
});

test('a file that cannot be read begins the day anew, and one that cannot be written is counted', async () => {
  const dataDir = tempDir();
  const clock = new FakeClock();
  writeFileSync(join(dataDir, 'key-usage.json'), '{"version":1,"day":"2026-0');
  const { budgets, failures } = createBudgets({ dataDir, clock });
  await budgets.start();
  expect(budgets.of(quota).day.count()).toBe(0);
  budgets.of(quota).takeEvents(7, 7);
  rmSync(join(dataDir, 'key-usage.json'));
  mkdirSync(join(dataDir, 'key-usage.json', 'in-the-way'), { recursive: true });
  await budgets.stop();
  expect(failures.count).toBe(1);
});

test('a request beyond a limit of its key is a 429 that names it and says when to come', async () => {
  const { budgets, clock } = createBudgets();
  const rig = createIngestOver(new ScriptedAppender(), { clock, budgets });
  const frames = new RequestFrames(rig.pipeline, { bytesInFlightMax: 1_000_000 });
  const route = createEventsRoute(
    { frames, budgets, onAnswerForgotten() {} },
    { frameBytesMax: 65_536, firstAnswersMax: 10, firstAnswersCharactersMax: 10_000 },
  );
  const post = async (principal: Principal, events: number) => {
    const body = Buffer.from(JSON.stringify({ events: Array.from({ length: events }, () => ({ name: 'a' })) }));
    const request = { headers: new Map([['content-type', 'application/json']]), body } as unknown as HttpRequest;
    const reply = await Promise.resolve(route.handle(request, principal)).catch(problemOf);
    const { code } = JSON.parse(String(reply.body));
    return [reply.status, code, reply.headers?.['retry-after']];
  };
  const rate = { ...caller, keyName: 'rate', limits: { ...noKeyLimits, eventsPerSecond: 10 } };
  expect(await post(rate, 300)).toEqual([202, undefined, undefined]);
  expect(await post(rate, 1)).toEqual([429, 'event_rate_exceeded', '21']);
  clock.advance(21_000);
  expect(await post(rate, 1)).toEqual([202, undefined, undefined]);
  const bytes = { ...caller, keyName: 'bytes', limits: { ...noKeyLimits, bytesPerSecond: 1 } };
  expect(await post(bytes, 1)).toEqual([202, undefined, undefined]);
  expect((await post(bytes, 1)).slice(0, 2)).toEqual([429, 'byte_rate_exceeded']);
  expect(await post(quota, 100)).toEqual([202, undefined, undefined]);
  expect(await post(quota, 1)).toEqual([429, 'event_quota_spent', String(12 * 3_600 - 21)]);
});

test('requests that come at one time do not all pass on the same tokens', async () => {
  const { budgets, clock } = createBudgets({ burstSeconds: 1 });
  const rig = createIngestOver(new ScriptedAppender(), { clock, budgets });
  const frames = new RequestFrames(rig.pipeline, { bytesInFlightMax: 1_000_000 });
  const route = createEventsRoute(
    { frames, budgets, onAnswerForgotten() {} },
    { frameBytesMax: 65_536, firstAnswersMax: 10, firstAnswersCharactersMax: 10_000 },
  );
  const rate = { ...caller, keyName: 'rate', limits: { ...noKeyLimits, eventsPerSecond: 1_000 } };
  const body = Buffer.from(JSON.stringify({ events: Array.from({ length: 100 }, () => ({ name: 'a' })) }));
  const request = { headers: new Map([['content-type', 'application/json']]), body } as unknown as HttpRequest;
  const replies = Array.from({ length: 50 }, () => Promise.resolve(route.handle(request, rate)).catch(problemOf));
  await settle();
  const accepted = (await Promise.all(replies)).filter(({ status }) => status === 202).length;
  expect(accepted).toBe(10);
});
