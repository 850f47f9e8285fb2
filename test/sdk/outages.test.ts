import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { NetworkGate } from '../support/network-gate.js';
import { tempDir } from '../support/temp-dir.js';
import { agent } from './agent-process.js';
import { hello, type Peer, scriptedCollector } from './scripted-collector.js';
import { eventsOf } from './told-events.js';

/** How long nobody answers; a minute by hand: `TIDEMARK_OUTAGE_SECONDS=60`. */
const outageMs = 1_000 * Number(process.env.TIDEMARK_OUTAGE_SECONDS ?? 5);

/** 10,000 steps a second, until a signal; where a policy makes them wait, what was missed is not made up for. */
const tellSteadily = `
  let over = false, rssMax = 0, last = performance.now();
  process.once('SIGUSR2', () => { over = true; });
  console.log('telling');
  while (!over) {
    const now = performance.now();
    const due = Math.min(400, Math.round((now - last) * 10));
    last = now;
    await Promise.all(Array.from({ length: due }, () => tm.tool('s', async () => 1)));
    rssMax = Math.max(rssMax, process.memoryUsage.rss());
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await tm.flush({ timeoutMs: 90_000 });
  console.log(JSON.stringify({ ...tm.stats(), rssMaxMb: Math.round(rssMax / 1_048_576) }));
  await tm.close();`;

interface Result {
  readonly offered: number;
  readonly acked: number;
  readonly rejected: number;
  readonly dropped: number;
  readonly pending: number;
  readonly connections: number;
  readonly rssMaxMb: number;
}

type Policy = 'block' | 'disk' | 'drop';
const policies: readonly Policy[] = ['block', 'disk', 'drop'];

/** What waits in memory, of which there may be twice as much where it blocks; so little that the outages fill it. */
const bufferBytesMax: Readonly<Record<Policy, number>> = { block: 2_097_152, disk: 2_097_152, drop: 65_536 };

/** An agent a policy, named after it. */
function steadyAgents(url: string) {
  const agents = policies.map((policy) => {
    const files = policy === 'disk' ? `producer: 'disk', directory: ${JSON.stringify(tempDir())},` : '';
    const options = `key: ${JSON.stringify(testKey)}, agent: '${policy}', overflow: '${policy}', ${files}
      bufferBytesMax: ${bufferBytesMax[policy]}, heartbeatMs: 0`;
    return agent(url, tellSteadily, options);
  });
  const results = async (): Promise<readonly (Result & { readonly policy: Policy })[]> => {
    for (const { child } of agents) child.kill('SIGUSR2');
    const ends = await Promise.all(agents.map(({ ended }) => ended));
    return ends.map(({ code, output }, index) => {
      expect(code, output).toBe(0);
      return { policy: policies[index]!, ...(JSON.parse(output.trim().split('\n').at(-1)!) as Result) };
    });
  };
  const begun = () => Promise.all(agents.map(({ says }) => says('telling')));
  return { begun, results };
}

function expectCounted({ policy, ...result }: Result & { readonly policy: Policy }): void {
  const { offered, acked, dropped, rejected, pending, rssMaxMb } = result;
  process.stdout.write(`outages, ${policy}: ${JSON.stringify(result)}\n`);
  expect({ pending, rejected, sum: acked + dropped }).toEqual({ pending: 0, rejected: 0, sum: offered });
  if (policy === 'drop') expect(dropped).toBeGreaterThan(0);
  else expect(dropped).toBe(0);
  expect(rssMaxMb).toBeLessThan(160);
}

test('killed, restarted, stopped, unreachable, slow: what is acknowledged is there once, what is dropped is counted', {
  timeout: 600_000 + 4 * outageMs,
}, async () => {
  const collector = new CollectorProcess({ isStreamed: true, dataDir: tempDir() });
  onTestFinished(() => collector.kill());
  await collector.start();
  const gate = await NetworkGate.open(() => Number(new URL(collector.url).port));
  const { begun, results } = steadyAgents(`http://127.0.0.1:${gate.port}`);
  await begun();
  await sleep(2_000);
  await collector.kill();
  await sleep(500);
  await collector.start();
  await sleep(2_000);
  collector.signal('SIGSTOP');
  await sleep(3_000);
  collector.signal('SIGCONT');
  await sleep(2_000);
  await gate.goAway();
  await sleep(outageMs);
  await gate.comeBack();
  await sleep(2_000);
  gate.limit(500_000);
  await sleep(4_000);
  gate.limit(Number.POSITIVE_INFINITY);
  for (const result of await results()) {
    expectCounted(result);
    const { policy, acked } = result;
    const stored = `SELECT toUInt32(count()) AS rows, toUInt32(uniqExact(event_id)) AS ids
      FROM tidemark.agent_events WHERE agent_id = '${policy}'`;
    const rows = async () => (await collector.query<{ readonly rows: number; readonly ids: number }>(stored))[0];
    await expect.poll(rows, { timeout: 120_000, interval: 200 }).toEqual({ rows: acked, ids: acked });
  }
});

/** Takes each frame number of a producer once. Acknowledges after `delayMs`, of which there is none at first. */
async function moodyCollector() {
  const ids = new Map<string, string[]>();
  const seqs = new Map<string, number>();
  const peers = new Set<Peer>();
  const mood = { delayMs: 0 };
  const { url } = await scriptedCollector({
    opened(peer) {
      peers.add(peer);
      peer.say({ ...hello, last_seq: seqs.get(peer.producer) ?? 0 });
    },
    received(peer, frame) {
      if (frame.seq > (seqs.get(peer.producer) ?? 0)) {
        seqs.set(peer.producer, frame.seq);
        for (const { agent_id, event_id } of eventsOf(frame)) {
          const known = ids.get(String(agent_id)) ?? [];
          ids.set(String(agent_id), known);
          known.push(String(event_id));
        }
      }
      const acknowledge = () => peer.say({ op: 'ack', seq: frame.seq });
      if (mood.delayMs === 0) acknowledge();
      else setTimeout(acknowledge, mood.delayMs);
    },
  });
  const say = (credit: number): void => {
    for (const peer of peers) peer.say({ op: 'credit', credit });
  };
  return { url, ids, mood, say };
}

test('without credit, with little, acknowledged late: every event is there once, or counted', async () => {
  const { url, ids, mood, say } = await moodyCollector();
  const { begun, results } = steadyAgents(url);
  await begun();
  // Whoever is not connected is told of no credit.
  await expect.poll(() => ids.size).toBe(policies.length);
  await sleep(1_000);
  say(0);
  await sleep(4_000);
  mood.delayMs = 200;
  say(1);
  await sleep(3_000);
  mood.delayMs = 0;
  say(64);
  await sleep(1_000);
  for (const result of await results()) {
    expectCounted(result);
    const stored = ids.get(result.policy) ?? [];
    expect([stored.length, new Set(stored).size]).toEqual([result.acked, result.acked]);
  }
});
