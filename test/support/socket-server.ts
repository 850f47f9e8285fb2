import { loadSocketLibrary } from '../../src/http/sockets/socket-library.js';

/**
 * What serves WebSockets in this run: uWebSockets.js where a binary of it loads. The tests of the port are run with ws
 * too, see the projects of vitest.
 */
export const socketServer: 'uws' | 'node' =
  process.env.TIDEMARK_TEST_SOCKETS === 'node' || (await loadSocketLibrary('auto')).name === 'ws' ? 'node' : 'uws';
