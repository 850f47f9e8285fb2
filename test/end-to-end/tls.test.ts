import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, describe, expect, test } from 'vitest';
import { agent } from '../sdk/agent-process.js';
import { type Authority, hasOpenssl, makeAuthority, makeCertificate } from '../support/certificates.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { EventPlan } from '../support/planned-events.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { settledLedger } from '../support/store-ledger.js';
import { StreamProducer } from '../support/stream-producer.js';
import { tidemark } from '../support/tidemark-command.js';

const place = mkdtempSync(join(tmpdir(), 'tidemark-test-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const withOpenssl = test.skipIf(!hasOpenssl);
const [certFile, keyFile] = [join(place, 'tls.crt'), join(place, 'tls.key')];
const env = { TIDEMARK_TLS_CERT_FILE: certFile, TIDEMARK_TLS_KEY_FILE: keyFile, TIDEMARK_TLS_RELOAD_MS: '100' };
const clients = 100;

function install({ cert, key }: { readonly cert: string; readonly key: string }): void {
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
}

/** The serial number of the certificate that a new connection is shown. */
function serialAt(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

withOpenssl(`${clients} clients stream over TLS while the certificate is replaced, and nothing is lost`, async () => {
  const seed = testSeed(20_261_128);
  const random = seededRandom(seed);
  const authority = makeAuthority(place, 'authority');
  install(makeCertificate(authority, { directory: place, name: 'first' }));
  const collector = new CollectorProcess({ isStreamed: true, dataDir: join(place, 'data'), env });
  const plans = Array.from(
    { length: clients },
    (_, index) => new EventPlan(random, { producer: `p${index}`, eventsPerFrame: 5, badRatio: 0 }),
  );
  try {
    await collector.start();
    const producers = plans.map(
      (plan, index) =>
        new StreamProducer({
          name: `p${index}`,
          key: testKey,
          url: () => collector.streamUrl,
          frame: (seq) => plan.frame(seq),
          random,
          repeatRatio: 0,
          pauseMs: 100,
          ca: authority.cert,
        }),
    );
    const running = Promise.all(producers.map((producer) => producer.run()));
    await expect.poll(() => Math.min(...producers.map(({ acknowledged }) => acknowledged))).toBeGreaterThan(2);
    const before = await serialAt(collector.url);
    const at = producers.map(({ acknowledged }) => acknowledged);
    install(makeCertificate(authority, { directory: place, name: 'second' }));
    await expect.poll(() => serialAt(collector.url)).not.toBe(before);
    await asked(collector, authority);
    await expect.poll(() => producers.every(({ acknowledged }, index) => acknowledged > at[index]! + 2)).toBe(true);
    for (const producer of producers) producer.finish();
    await running;
    expect(producers.flatMap(({ closeCodes }) => closeCodes).length).toBe(clients);
    const good = plans.reduce((sum, plan) => sum + plan.good, 0);
    expect(await settledLedger(collector, good), `seed ${seed}`).toMatchObject({ rows: good, ids: good });
    await keptInUse(collector, authority);
  } finally {
    await collector.killAll();
  }
});

/** The command line reaches it with the authority it is told, and says why it does not without. */
async function asked(collector: CollectorProcess, authority: Authority): Promise<void> {
  const words = ['agents', '--url', collector.url, '--key', testKey];
  const trusting = { env: { NODE_EXTRA_CA_CERTS: authority.certFile } };
  // Until its store is ready, it says that.
  await expect.poll(() => tidemark(words, trusting)).toMatchObject({ code: 0, stderr: '' });
  const other = makeAuthority(place, 'other');
  const refused = await tidemark(words, { env: { NODE_EXTRA_CA_CERTS: other.certFile } });
  expect(refused).toMatchObject({ code: 3 });
  expect(refused.stderr).toContain('unable to verify the first certificate');
}

/** What does not fit is told, and the last one stays. */
async function keptInUse(collector: CollectorProcess, authority: Authority): Promise<void> {
  const before = await serialAt(collector.url);
  const { key } = makeCertificate(authority, { directory: place, name: 'unfit' });
  writeFileSync(keyFile, key);
  await expect.poll(() => collector.output).toContain('does not fit the certificate');
  expect(await serialAt(collector.url)).toBe(before);
}

withOpenssl('a certificate that cannot be served ends the start, with the file and what is wrong', async () => {
  const authority = makeAuthority(place, 'strict');
  const good = makeCertificate(authority, { directory: place, name: 'good' });
  const other = makeCertificate(authority, { directory: place, name: 'another' });
  const expired = makeCertificate(authority, { directory: place, name: 'expired', days: -1 });
  const cases: readonly [{ readonly cert: string; readonly key: string }, string][] = [
    [{ ...good, key: other.key }, `the key ${keyFile} does not fit the certificate ${certFile}`],
    [expired, `the certificate ${certFile} expired at `],
    [{ ...good, key: 'no key' }, `the key ${keyFile} is no key in PEM`],
    [{ ...good, cert: 'none' }, `the certificate ${certFile} is no certificate in PEM`],
  ];
  for (const [material, says] of cases) {
    install(material);
    const ended = await tidemark(['serve'], { env: { ...env, TIDEMARK_DATA_DIR: join(place, 'refused') } });
    expect(ended.code, says).not.toBe(0);
    expect(ended.stderr).toContain(says);
  }
  rmSync(keyFile);
  const ended = await tidemark(['serve'], { env: { ...env, TIDEMARK_DATA_DIR: join(place, 'refused') } });
  expect(ended.stderr).toContain(`cannot read the key ${keyFile}`);
});

/** Some tries, in vain; then what was told before them gets through. */
const agentProgram = `
  for (let index = 0; index < 700; index += 1) tm.log('info', 'line ' + index);
  await tm.flush({ timeoutMs: 1 });
  while (tm.stats().connections < 4) await new Promise((resolve) => setTimeout(resolve, 20));
  const { pending, dropped } = tm.stats();
  console.log(JSON.stringify({ pending, dropped }));
  console.log(JSON.stringify(await tm.flush({ timeoutMs: 60_000 })));`;

describe.each(['stream', 'post'] as const)('an agent that tells by %s', (transport) => {
  withOpenssl('keeps everything while it does not know the authority, says so once, and sends it later', async () => {
    const [known, unknown] = ['known', 'unknown'].map((name) => makeAuthority(place, `${name}-${transport}`));
    install(makeCertificate(unknown!, { directory: place, name: `unknown-to-${transport}` }));
    const collector = new CollectorProcess({ dataDir: join(place, transport), env });
    try {
      await collector.start();
      const options = `key: '${testKey}', transport: '${transport}', onProblem: (text) => console.log('told', text)`;
      const trusting = { NODE_EXTRA_CA_CERTS: known!.certFile };
      const { ended, says } = agent(collector.url, agentProgram, options, trusting);
      await says('{"pending":700,"dropped":0}');
      install(makeCertificate(known!, { directory: place, name: `known-to-${transport}` }));
      const { code, output } = await ended;
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(output).toContain('{"acked":700,"pending":0,"rejected":0,"dropped":0}');
      const told = output.split('\n').filter((line) => line.startsWith('told'));
      expect(told).toEqual([
        expect.stringMatching(/cannot (reach the collector|stream): unable to verify the first cert/),
      ]);
      const rows = () => collector.query<{ rows: string }>('SELECT count() AS rows FROM agent_events');
      await expect.poll(async () => Number((await rows())[0]!.rows)).toBe(700);
    } finally {
      await collector.killAll();
    }
  });
});
