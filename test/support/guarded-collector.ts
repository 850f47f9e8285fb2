import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Authority, makeAuthority, makeCertificate } from './certificates.js';
import { CollectorProcess } from './collector-process.js';
import { tempDir } from './temp-dir.js';

/** A collector that asks for a certificate of an authority of its own; its own is of an authority nobody knows. */
export async function guardedCollector() {
  const place = tempDir();
  const [servers, clients] = [makeAuthority(place, 'servers'), makeAuthority(place, 'clients')];
  makeCertificate(servers, { directory: place, name: 'server' });
  const collector = new CollectorProcess({
    dataDir: join(place, 'data'),
    env: {
      TIDEMARK_TLS_CERT_FILE: join(place, 'server.crt'),
      TIDEMARK_TLS_KEY_FILE: join(place, 'server.key'),
      TIDEMARK_TLS_CLIENT_CA_FILE: clients.certFile,
    },
  });
  onTestFinished(() => collector.killAll());
  await collector.start();
  return { collector, place, servers, clients };
}

/** A certificate of `authority`, as the options of a client name it. */
export function certify(authority: Authority, directory: string, name: string, days?: number) {
  makeCertificate(authority, { directory, name, ...(days === undefined ? {} : { days }) });
  return { tlsCertFile: join(directory, `${name}.crt`), tlsKeyFile: join(directory, `${name}.key`) };
}
