import { createServer } from 'node:net';
import { CollectorError } from '../core/errors.js';
import type { ListenAddress, Uws, UwsApp, UwsListenSocket } from './uws.js';

/** Resolves when the port is ours alone. Rejects with `port_taken`, or `config_invalid` when it cannot be had. */
export async function listen(uws: Uws, app: UwsApp, address: ListenAddress): Promise<UwsListenSocket> {
  for (let attempt = 1; ; attempt++) {
    const listener = await new Promise<UwsListenSocket | false>((heard) => uws.listen(app, address, heard));
    if (listener !== false) return listener;
    const code = await bindError(address);
    // Free a moment later: whoever had the port has just ended.
    if (code === null && attempt < attemptsMax) continue;
    throw refusal(address, code ?? 'EADDRINUSE');
  }
}

const attemptsMax = 3;

/** The library does not say why it cannot listen: the system does, when it is asked for the same port. */
function bindError({ host, port }: ListenAddress): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

function refusal({ host, port }: ListenAddress, code: string): CollectorError {
  const what = `cannot listen on ${host}:${port}`;
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
};
