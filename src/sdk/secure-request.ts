import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import type { TlsOptions } from './tls-options.js';

/** What the files hold now; null when none is named. Throws when one cannot be read. */
export function tlsMaterial({
  tlsCaFile: ca,
  tlsCertFile: cert,
  tlsKeyFile: key,
}: TlsOptions): SecureContextOptions | null {
  if (ca === undefined && cert === undefined && key === undefined) return null;
  return {
    ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
    ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
    ...(key === undefined ? {} : { key: readFileSync(key) }),
  };
}

/**
 * Node's own `fetch` takes no certificate. Redirects are not followed. Resolves with the head; whoever has it reads the
 * body to its end, or destroys it.
 */
export function secureRequest(
  url: string,
  { method, headers, body, signal }: RequestInit,
  tls: SecureContextOptions,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const settings = { method, headers: headers as Record<string, string>, signal: signal ?? undefined, agent: false };
    const asked = request(url, { ...settings, ...tls } as Parameters<typeof request>[1] & object, resolve);
    asked.on('error', reject);
    asked.end(body);
  });
}
