import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CollectorError } from '../core/errors.js';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Resolves with the port when it is ours alone; rejects with `port_taken`, or `config_invalid` if it cannot be had. */
export function listen(server: Server, { host, port }: ListenAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    const refused = (error: NodeJS.ErrnoException) => reject(refusal({ host, port }, error.code ?? error.message));
    server.once('error', refused);
    server.listen({ host, port, exclusive: true, backlog: backlogMax }, () => {
      server.off('error', refused);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Connections that wait to be accepted; the system may allow fewer. */
const backlogMax = 1_024;

/** As in a URL: an IPv6 address stands in brackets. */
export function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function refusal({ host, port }: ListenAddress, code: string): CollectorError {
  const what = `cannot listen on ${urlHost(host)}:${port}`;
  if (code === 'EADDRINUSE') {
    const advice = 'stop it or choose another TIDEMARK_PORT (0 takes a free one)';
    return new CollectorError('port_taken', `${what}: another program has port ${port}; ${advice}`);
  }
  const cause = causes[code] ?? code;
  return new CollectorError('config_invalid', `${what}: ${cause}; choose another TIDEMARK_HOST or TIDEMARK_PORT`);
}

const causes: Readonly<Record<string, string>> = {
  EACCES: 'the port is for privileged users only',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'no name server tells its address',
};
