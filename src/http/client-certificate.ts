import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

export interface CertificateFault {
  readonly code: 'certificate_missing' | 'certificate_refused';
  readonly message: string;
}

/** Why whoever is at the other end may not ask, by the certificate of its connection; null when none is asked for. */
export function certificateFault(socket: Socket): CertificateFault | null {
  if (!(socket instanceof TLSSocket) || socket.authorized) return null;
  // Of a server that asks for none, Node says neither: it sets the error where it looked and found something wrong.
  const error: unknown = socket.authorizationError;
  if (error === undefined || error === null) return null;
  if (socket.getPeerX509Certificate() === undefined) {
    return {
      code: 'certificate_missing',
      message: 'this port wants a certificate of its clients (TLS), and none came',
    };
  }
  // OpenSSL's name of what is wrong, such as CERT_HAS_EXPIRED: nothing of the certificate itself.
  const cause = error instanceof Error ? error.message : String(error);
  return { code: 'certificate_refused', message: `the certificate of the client is not accepted: ${cause}` };
}
