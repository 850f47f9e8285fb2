import type { SocketServerChoice } from '../../src/http/sockets/socket-library.js';

/** What serves WebSockets in this run: the tests of the port are run with each, see the projects of vitest. */
export const socketServer = (process.env.TIDEMARK_TEST_SOCKETS ?? 'uws') as SocketServerChoice;
