import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { silentLogger } from '../../src/core/logger.js';
import { TlsFiles } from '../../src/http/tls-files.js';
import { hasOpenssl, makeAuthority, makeCertificate } from '../support/certificates.js';
import { FakeClock } from '../support/fake-clock.js';
import { tempDir } from '../support/temp-dir.js';

const withOpenssl = test.skipIf(!hasOpenssl);
const dayMs = 86_400_000;

function filesOf(days: number, options: { readonly chainDays?: number } = {}) {
  const directory = tempDir();
  const authority = makeAuthority(directory, 'authority');
  const own = makeCertificate(authority, { directory, name: 'own', days });
  const { chainDays } = options;
  const between =
    chainDays === undefined ? '' : makeCertificate(authority, { directory, name: 'b', days: chainDays }).cert;
  const [certFile, keyFile] = [join(directory, 'tls.crt'), join(directory, 'tls.key')];
  writeFileSync(certFile, own.cert + between);
  writeFileSync(keyFile, own.key);
  const clock = new FakeClock(Math.floor(Date.now() / 1_000) * 1_000 + 1_000);
  const files = new TlsFiles(
    { clock, logger: silentLogger },
    { certFile, keyFile, clientCaFile: null, reloadMs: 10_000 },
  );
  files.load();
  return { files, clock, certFile, keyFile, own };
}

withOpenssl('health says when the certificate ends, that it will soon, and that it has', () => {
  const { files, clock } = filesOf(30);
  const endsMs = files.endsMs!;
  expect(Math.round((endsMs - clock.nowMs()) / dayMs)).toBe(30);
  expect(files.health()).toMatchObject({ status: 'healthy', reason: null });
  expect(files.health().details).toMatchObject({ ends_at: new Date(endsMs).toISOString(), reload_failing_since: null });
  clock.advance(20 * dayMs);
  expect(files.health()).toMatchObject({ status: 'degraded', reason: 'the certificate in use ends in 9 days' });
  clock.advance(10 * dayMs);
  expect(files.health().reason).toBe('the certificate in use has expired: clients refuse it');
});

withOpenssl('the end is that of the first certificate of the file to end', () => {
  const { files, clock } = filesOf(300, { chainDays: 3 });
  expect(Math.round((files.endsMs! - clock.nowMs()) / dayMs)).toBe(3);
});

withOpenssl(
  'files that cannot be used degrade health, keep the end of what is in use, and are forgotten once mended',
  () => {
    const { files, clock, certFile, own } = filesOf(30);
    const { endsMs } = files;
    const used: string[] = [];
    files.watch(({ cert }) => used.push(cert));
    writeFileSync(certFile, 'half a file');
    clock.advance(10_000);
    const since = new Date(clock.nowMs()).toISOString();
    clock.advance(60_000);
    expect(files.isFailing).toBe(true);
    expect(files.endsMs).toBe(endsMs);
    const { status, reason, details } = files.health();
    expect([status, details.reload_failing_since]).toEqual(['degraded', since]);
    expect(reason).toContain(`the certificate ${certFile} is no certificate in PEM`);
    writeFileSync(certFile, own.cert);
    clock.advance(10_000);
    expect(files.isFailing).toBe(false);
    expect(files.health()).toMatchObject({ status: 'healthy', reason: null });
    expect(used).toEqual([]);
    files.stop();
  },
);
