import type { UwsResponse } from './uws.js';

/** Who is at the other end of the connection; a proxy, if there is one. */
export interface Peer {
  /** What counts as one address: all of an IPv4 one, the network (/64) of an IPv6 one, which a host has to itself. */
  readonly address: string;
  readonly loopback: boolean;
}

/** Must be called before the answer is written. */
export function peerOf(response: UwsResponse): Peer {
  return parsePeer(new Uint8Array(response.getRemoteAddress()));
}

/** 4 bytes or 16, those of IPv4 on an IPv6 socket included. */
export function parsePeer(bytes: Uint8Array): Peer {
  const four = bytes.length === 16 && isMapped(bytes) ? bytes.subarray(12) : bytes;
  if (four.length === 4) return { address: four.join('.'), loopback: four[0] === 127 };
  if (four.length !== 16) return { address: 'unknown', loopback: false };
  const loopback = four[15] === 1 && four.subarray(0, 15).every((byte) => byte === 0);
  return { address: Buffer.from(four.subarray(0, 8)).toString('hex'), loopback };
}

/** `::ffff:a.b.c.d` */
function isMapped(bytes: Uint8Array): boolean {
  return bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
}

const proxyHeaders: ReadonlySet<string> = new Set([
  'forwarded',
  'via',
  'x-real-ip',
  'x-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
]);

/** Whether a proxy says that it asks for somebody else: one on this machine makes the world look like loopback. */
export function isForwarded(headers: ReadonlyMap<string, string>): boolean {
  for (const name of headers.keys()) {
    if (name.startsWith('x-forwarded-') || proxyHeaders.has(name)) return true;
  }
  return false;
}
