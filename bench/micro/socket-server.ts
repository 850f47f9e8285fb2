import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import type { SocketRoute } from '../../src/core/ports/socket-route.js';
import { HttpServer } from '../../src/http/http-server.js';
import { loadSocketLibrary, type SocketServerChoice } from '../../src/http/sockets/socket-library.js';

/** The port alone, with a route that answers each frame with a few bytes; for `measureSockets`, in its own process. */

export interface SocketServerTold {
  readonly port: number;
  readonly library: string;
}

export interface CountedFrames {
  readonly frames: number;
  readonly cpuUs: number;
}

let frames = 0;

const route: SocketRoute = {
  path: '/frames',
  scope: 'ingest',
  payloadBytesMax: 1_048_576,
  protocol: 'frames',
  errorMessage: ({ code }) => code,
  open: (socket) => ({
    message() {
      frames += 1;
      socket.send('{"op":"ack"}');
    },
    end() {},
    closed() {},
  }),
};

const sockets = await loadSocketLibrary(process.argv[2] as SocketServerChoice);
const server = new HttpServer(
  {
    authenticator: {
      authenticate: () => ({ tenant: 'bench', scopes: new Set(['ingest']), keyName: 'bench', contentAllowed: false }),
    },
    clock: systemClock,
    logger: silentLogger,
    instruments: { recordRequest() {}, refused: { inc() {} } },
    sockets,
  },
  {
    host: '127.0.0.1',
    port: 0,
    hosts: [],
    corsOrigins: [],
    connectionsMax: 10,
    connectionsKeyRatioMax: 1,
    connectionsAddressRatioMax: 1,
    requestsMax: 10,
    monitoringRequestsMax: 10,
    bodiesBytesMax: 1_048_576,
    requestsKeyRatioMax: 1,
    requestsAddressRatioMax: 1,
    bodyTimeoutMs: 5_000,
    bodyBytesPerSecondMin: 0,
    replyIdleTimeoutMs: 5_000,
    keepAliveTimeoutMs: 5_000,
    idleTimeoutSeconds: 60,
    outboundBytesMax: 1_048_576,
    directory: null,
  },
  { http: [], sockets: [route] },
);
await server.start();
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ frames, cpuUs: user + system } satisfies CountedFrames);
});
process.send?.({ port: server.port, library: sockets.name } satisfies SocketServerTold);
