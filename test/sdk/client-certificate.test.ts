import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createTidemarkClient, type TidemarkOptions, type TlsOptions, tidemark } from '../../src/sdk/index.js';
import { hasOpenssl } from '../support/certificates.js';
import { type CollectorProcess, testKey } from '../support/collector-process.js';
import { certify, guardedCollector } from '../support/guarded-collector.js';

function agentOf(collector: CollectorProcess, options: TidemarkOptions & TlsOptions) {
  const problems: string[] = [];
  const onProblem = (text: string) => void problems.push(text);
  const tm = tidemark({ url: collector.url, key: testKey, agent: 'a', heartbeatMs: 0, onProblem, ...options });
  onTestFinished(async () => {
    await tm.close({ timeoutMs: 0 });
  });
  return { tm, problems };
}

const settled = { acked: 1, pending: 0, rejected: 0, dropped: 0 };
const waiting = { acked: 0, pending: 1, rejected: 0, dropped: 0 };

test.skipIf(!hasOpenssl).each(['stream', 'post'] as const)(
  'an agent that tells by %s shows its certificate to a collector that asks for one',
  async (transport) => {
    const { collector, place, servers, clients } = await guardedCollector();
    const trusting = { transport, tlsCaFile: servers.certFile };
    const shown = agentOf(collector, { ...trusting, ...certify(clients, place, 'agent') });
    shown.tm.log('info', 'x');
    expect(await shown.tm.flush({ timeoutMs: 60_000 }), shown.problems.join()).toEqual(settled);
    expect(shown.problems).toEqual([]);
    const none = agentOf(collector, trusting);
    none.tm.log('info', 'x');
    await expect.poll(() => none.problems.join()).toMatch(/certificate_missing|wants a client certificate/);
    expect(await none.tm.flush({ timeoutMs: 1 })).toEqual(waiting);
    const old = agentOf(collector, { ...trusting, ...certify(clients, place, 'old', -1) });
    old.tm.log('info', 'x');
    await expect.poll(() => old.problems.join()).toMatch(/certificate_refused|client certificate has expired/);
    const stranger = agentOf(collector, { transport, ...certify(clients, place, 'stranger') });
    stranger.tm.log('info', 'x');
    await expect.poll(() => stranger.problems.join()).toContain('unable to verify the first certificate');
  },
);

test.skipIf(!hasOpenssl).each(['stream', 'post'] as const)(
  'files that are missing or broken are an outage of %s, which ends when they are there',
  async (transport) => {
    const { collector, place, servers, clients } = await guardedCollector();
    const files = certify(clients, place, 'agent');
    const later = join(place, 'later');
    mkdirSync(later);
    const [tlsCertFile, tlsKeyFile] = [join(later, 'agent.crt'), join(later, 'agent.key')];
    const { tm, problems } = agentOf(collector, { transport, tlsCaFile: servers.certFile, tlsCertFile, tlsKeyFile });
    tm.log('info', 'x');
    await expect.poll(() => problems.join()).toContain(`ENOENT: no such file or directory, open '${tlsCertFile}'`);
    writeFileSync(tlsCertFile, 'no certificate');
    copyFileSync(files.tlsKeyFile, tlsKeyFile);
    await expect.poll(() => problems.length).toBeGreaterThan(1);
    expect(await tm.flush({ timeoutMs: 100 })).toEqual(waiting);
    copyFileSync(files.tlsCertFile, tlsCertFile);
    expect(await tm.flush({ timeoutMs: 20_000 }), problems.join()).toEqual(settled);
  },
);

test.skipIf(!hasOpenssl)('the client below the words shows it too', async () => {
  const { collector, place, servers, clients } = await guardedCollector();
  const tls = { tlsCaFile: servers.certFile, ...certify(clients, place, 'agent') };
  const client = createTidemarkClient({ url: collector.url, key: testKey, ...tls });
  client.send({ type: 'log', agent_id: 'a', message: 'x' });
  await client.close();
  expect(client.stats()).toMatchObject({ eventsKept: 1, eventsUnacknowledged: 0 });
});

test('a certificate without its key is refused at once', () => {
  const only = { url: 'https://127.0.0.1:1', tlsCertFile: '/certificate' };
  expect(() => tidemark(only)).toThrow('cannot make a client: tlsCertFile and tlsKeyFile need each other');
});
