import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { connectToServer } from '../../src/clickhouse/server/server-connection.js';
import { systemClock, systemRandom } from '../../src/core/clock.js';
import { defaultConfig } from '../support/default-config.js';
import { tempDir } from '../support/temp-dir.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** An authority with a certificate for this machine and one for a client. */
function makeCertificates(): Readonly<Record<'ca' | 'server' | 'client', string>> {
  const directory = tempDir();
  const at = (name: string) => join(directory, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...ec, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=authority');
  writeFileSync(at('names'), 'subjectAltName=IP:127.0.0.1\n');
  for (const name of ['server', 'client']) {
    openssl('req', ...ec.slice(0, 5), '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const signed = ['-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names'];
    openssl('x509', '-req', ...signed, '-out', `${name}.pem`, '-days', '2');
  }
  return { ca: at('ca.pem'), server: at('server'), client: at('client') };
}

function clientOf(url: string, files: Partial<Record<'caFile' | 'certificateFile' | 'keyFile', string>>) {
  const options = { ...defaultConfig.clickhouse, url, user: 'collector', ...files, reads: defaultConfig.query };
  const { client } = connectToServer({ clock: systemClock, random: systemRandom }, options);
  onTestFinished(() => client.close());
  return client;
}

test.skipIf(!hasOpenssl)(
  'a server is known by the authority that is named, and knows the collector by its certificate (needs openssl)',
  async () => {
    const { ca, server: own, client: theirs } = makeCertificates();
    const seen: unknown[] = [];
    const server = createServer(
      {
        ca: readFileSync(ca),
        cert: readFileSync(`${own}.pem`),
        key: readFileSync(`${own}.key`),
        requestCert: true,
        rejectUnauthorized: false,
      },
      (request, response) => {
        const { subject } = (request.socket as TLSSocket).getPeerCertificate();
        seen.push([
          subject?.CN,
          request.headers['x-clickhouse-user'],
          request.headers['x-clickhouse-ssl-certificate-auth'],
        ]);
        response.end('1\n');
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await clientOf(url, { caFile: ca, certificateFile: `${theirs}.pem`, keyFile: `${theirs}.key` }).ping();
    expect(seen).toEqual([['client', 'collector', 'on']]);
    await clientOf(url, { caFile: ca }).ping();
    expect(seen[1]).toEqual([undefined, 'collector', undefined]);
    await expect(clientOf(url, {}).ping()).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringMatching(/certificate/),
    });
    expect(seen).toHaveLength(2);
  },
);

test('a file of certificates that is not there ends the start with its name', () => {
  expect(() => clientOf('https://127.0.0.1:1', { caFile: '/nowhere/ca.pem' })).toThrow(
    /cannot read clickhouse\.caFile \/nowhere\/ca\.pem: ENOENT/,
  );
});
