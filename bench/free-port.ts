import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the ports that systems give to whoever asks for any, which begin at 32,768 on Linux. */
const portMin = 10_240;
const portEnd = 32_768;

/**
 * A port of 127.0.0.1 that nothing listens on. It is for a process that is started later, and started again: were it
 * one of those that the system gives to connections and to servers on port 0, another would have it meanwhile.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(portMin, portEnd);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
