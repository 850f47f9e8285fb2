import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hasOpenssl } from '../support/certificates.js';
import { testKey } from '../support/collector-process.js';
import { certify, guardedCollector } from '../support/guarded-collector.js';
import { tidemark } from '../support/tidemark-command.js';

test.skipIf(!hasOpenssl)(
  'each command shows its certificate to a collector that asks for one, by options or the environment',
  async () => {
    const { collector, place, servers, clients } = await guardedCollector();
    const { tlsCertFile, tlsKeyFile } = certify(clients, place, 'operator');
    const address = { TIDEMARK_URL: collector.url, TIDEMARK_KEY: testKey };
    const trusting = { ...address, TIDEMARK_CLIENT_CA_FILE: servers.certFile };
    const shown = { TIDEMARK_CLIENT_CERT_FILE: tlsCertFile, TIDEMARK_CLIENT_KEY_FILE: tlsKeyFile };
    const run = (words: readonly string[], env: Readonly<Record<string, string>>, input = '') =>
      tidemark(words, { env: { ...env }, input });
    const environment = { ...trusting, ...shown };

    const event = (id: string) => `${JSON.stringify({ type: 'task.completed', agent_id: 'planner', task_id: id })}\n`;
    const sent = await run(['send'], environment, event('t'));
    expect(sent).toMatchObject({ code: 0 });
    const given = ['--tls-ca-file', servers.certFile, '--tls-cert-file', tlsCertFile, '--tls-key-file', tlsKeyFile];
    await expect.poll(async () => (await run(['agents', ...given], address)).stdout).toMatch(/^planner /m);
    const [days, told, top, demo] = await Promise.all([
      run(['export', '--format', 'csv'], environment),
      run(['doctor', '--json', '--url', collector.url], { ...environment, TIDEMARK_DATA_DIR: join(place, 'data') }),
      run(['top', '--once'], environment),
      run(['demo', '--agents', '1', '--rate', '10', '--seconds', '1'], environment),
    ]);
    expect([days.code, days.stdout.split('\n')[0]]).toEqual([0, expect.stringContaining('agent_id')]);
    const { findings } = JSON.parse(told.stdout) as { findings: { subject: string; severity: string }[] };
    expect(findings.find(({ subject }) => subject === 'collector')).toMatchObject({ severity: 'ok' });
    expect(top).toMatchObject({ code: 0, stdout: expect.stringContaining('planner') });
    expect(demo).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing was lost') });

    const tail = run(['tail', '--count', '1', '--json'], environment);
    const heard = await Promise.race([tail, feed()]);
    expect(heard).toMatchObject({ code: 0, stdout: expect.stringContaining('"planner"') });

    /** Until one of them was heard: a tail hears what comes once it is connected. */
    async function feed() {
      for (let id = 1; ; id++) {
        const again = await run(['send'], environment, event(`t-${id}`));
        if (again.code !== 0) return again;
        const ended = await Promise.race([tail, new Promise<null>((resolve) => setTimeout(resolve, 200, null))]);
        if (ended !== null) return ended;
      }
    }
  },
  120_000,
);

test.skipIf(!hasOpenssl)(
  'without its certificate, or with a stranger’s, a command is refused and says why',
  async () => {
    const { collector, place, servers, clients } = await guardedCollector();
    const { tlsCertFile } = certify(clients, place, 'operator');
    const env = { TIDEMARK_URL: collector.url, TIDEMARK_KEY: testKey, TIDEMARK_CLIENT_CA_FILE: servers.certFile };
    expect(await tidemark(['agents'], { env })).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('(certificate_missing)'),
    });
    const stranger = certify(servers, place, 'stranger');
    const words = ['--tls-cert-file', stranger.tlsCertFile, '--tls-key-file', stranger.tlsKeyFile];
    expect(await tidemark(['agents', ...words], { env })).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('(certificate_refused)'),
    });
    expect(await tidemark(['agents', '--tls-cert-file', tlsCertFile], { env })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--tls-cert-file and --tls-key-file need each other'),
    });
    const { TIDEMARK_CLIENT_CA_FILE: _, ...unknowing } = env;
    expect(await tidemark(['agents'], { env: unknowing })).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('unable to verify the first certificate'),
    });
    const nowhere = join(place, 'nowhere.pem');
    expect(await tidemark(['send'], { env: { ...env, TIDEMARK_CLIENT_CERT_FILE: nowhere } })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/cannot read the file of --tls-cert-file \(or TIDEMARK_CLIENT_CERT_FILE\): ENOENT/),
    });
  },
  120_000,
);
