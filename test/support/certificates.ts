import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** OpenSSL makes the certificates of the tests; without the program those are skipped. */
export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

export interface Authority {
  readonly certFile: string;
  readonly keyFile: string;
  /** In PEM. */
  readonly cert: string;
}

export function makeAuthority(directory: string, name: string): Authority {
  const [certFile, keyFile] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)];
  openssl(['req', '-x509', ...newKey(keyFile), '-subj', `/CN=${name}`, '-days', '2', '-out', certFile]);
  return { certFile, keyFile, cert: readFileSync(certFile, 'utf8') };
}

/** A certificate of 127.0.0.1, and its key. `days`: how long from now on it is valid; below 0 it has expired. */
export function makeCertificate(
  authority: Authority,
  { directory, name, days = 2 }: { readonly directory: string; readonly name: string; readonly days?: number },
): { readonly cert: string; readonly key: string } {
  const path = (ending: string) => join(directory, `${name}.${ending}`);
  openssl(['req', '-new', ...newKey(path('key')), '-subj', '/CN=127.0.0.1', '-out', path('csr')]);
  writeFileSync(path('ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  const signer = ['-CA', authority.certFile, '-CAkey', authority.keyFile, '-CAcreateserial', '-extfile', path('ext')];
  openssl(['x509', '-req', '-in', path('csr'), ...signer, '-days', String(days), '-out', path('crt')]);
  return { cert: readFileSync(path('crt'), 'utf8'), key: readFileSync(path('key'), 'utf8') };
}

function newKey(path: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', path];
}

function openssl(words: readonly string[]): void {
  execFileSync('openssl', words, { stdio: 'pipe' });
}
