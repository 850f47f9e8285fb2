import { isIPv4, isIPv6 } from 'node:net';

/** Who is at the other end of the connection; a proxy, if there is one. */
export interface Peer {
  /** What counts as one address: all of an IPv4 one, the network (/64) of an IPv6 one, which a host has to itself. */
  readonly address: string;
  readonly loopback: boolean;
}

/** Of a socket's `remoteAddress`; those of IPv4 on an IPv6 socket (`::ffff:10.0.0.1`) are of IPv4. */
export function parsePeer(address: string | undefined): Peer {
  const plain = (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (isIPv4(plain)) return { address: plain, loopback: plain.startsWith('127.') };
  if (!isIPv6(plain)) return { address: 'unknown', loopback: false };
  return { address: networkOf(plain), loopback: plain === '::1' };
}

/** The first four of the eight groups, as 16 hexadecimal digits. */
function networkOf(address: string): string {
  const [before = '', after] = address.split('::');
  const groups = before === '' ? [] : before.split(':');
  const missing = after === undefined ? 0 : 8 - groups.length - (after === '' ? 0 : after.split(':').length);
  const all = [...groups, ...new Array<string>(missing).fill('0'), ...(after ?? '').split(':')];
  return all
    .slice(0, 4)
    .map((group) => group.padStart(4, '0'))
    .join('');
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
