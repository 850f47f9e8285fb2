import { expect, test } from 'vitest';
import { type GateLimits, ReadGate } from '../../src/clickhouse/read-gate.js';

const never = new AbortController().signal;

/** A gate whose reads end when the test says so; `started` lists them in order of their turns. */
function gateOf(limits: Partial<GateLimits> = {}) {
  const gate = new ReadGate({
    concurrencyMax: 4,
    tenantConcurrencyMax: 3,
    waitingMax: 100,
    tenantWaitingMax: 10,
    ...limits,
  });
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const read = (name: string, signal = never) =>
    gate.run(name[0]!, signal, () => {
      started.push(name);
      return new Promise<void>((resolve) => ends.set(name, resolve));
    });
  const end = async (name: string) => {
    ends.get(name)?.();
    // Ends of reads, and the turns they give, take some microtasks.
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { gate, read, end, started };
}

test('a tenant with a hundred reads waiting leaves a place, and another tenant needs not wait at all', async () => {
  const { gate, read, started } = gateOf({ tenantWaitingMax: 97 });
  for (let index = 0; index < 100; index++) void read(`a${index}`);
  await Promise.resolve();
  expect(started).toEqual(['a0', 'a1', 'a2']);
  void read('b0');
  await Promise.resolve();
  expect(started).toEqual(['a0', 'a1', 'a2', 'b0']);
  expect([gate.running, gate.waiting]).toEqual([4, 97]);
});

test('a free place goes to the tenant with the fewest reads under way, then to the longest unserved', async () => {
  const { read, end, started } = gateOf({ concurrencyMax: 3, tenantConcurrencyMax: 3 });
  for (const name of ['a0', 'a1', 'a2', 'a3', 'a4', 'b0', 'b1', 'c0']) void read(name);
  await Promise.resolve();
  expect(started.splice(0)).toEqual(['a0', 'a1', 'a2']);
  await end('a0');
  expect(started.splice(0), 'b and c have none; b came first').toEqual(['b0']);
  await end('a1');
  expect(started.splice(0)).toEqual(['c0']);
  await end('c0');
  expect(started.splice(0), 'a and b have one each; the last turn of a is longer ago').toEqual(['a3']);
  await end('a2');
  expect(started.splice(0)).toEqual(['b1']);
});

test('reads of one tenant go in order, and its waiting room has an end of its own', async () => {
  const { read, end, started } = gateOf({ concurrencyMax: 2, tenantConcurrencyMax: 1, tenantWaitingMax: 2 });
  for (const name of ['a0', 'a1', 'a2']) void read(name);
  await expect(read('a3')).rejects.toMatchObject({ code: 'overloaded', retryable: true });
  void read('b0');
  for (const name of ['a0', 'a1', 'a2', 'b0']) await end(name);
  expect(started).toEqual(['a0', 'b0', 'a1', 'a2']);
});

test('all waiting rooms together have an end', async () => {
  const { read } = gateOf({ concurrencyMax: 1, waitingMax: 2 });
  for (const name of ['a0', 'b0', 'c0']) void read(name);
  await expect(read('d0')).rejects.toMatchObject({ code: 'overloaded' });
});

test('a read given up before its turn gives up its place in the queue and nothing else', async () => {
  const { gate, read, end, started } = gateOf({ concurrencyMax: 1 });
  const gone = new AbortController();
  void read('a0');
  const abandoned = read('a1', gone.signal);
  void read('a2');
  gone.abort(new Error('gone'));
  await expect(abandoned).rejects.toThrow('gone');
  await expect(read('a3', gone.signal), 'given up before it asked').rejects.toThrow('gone');
  expect(gate.waiting).toBe(1);
  await end('a0');
  await end('a2');
  expect(started).toEqual(['a0', 'a2']);
  expect([gate.running, gate.waiting]).toEqual([0, 0]);
});

test('a read that fails frees its place', async () => {
  const { gate } = gateOf();
  await expect(gate.run('a', never, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(gate.running).toBe(0);
});
