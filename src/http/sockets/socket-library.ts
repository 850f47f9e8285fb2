import { CollectorError, errorMessage } from '../../core/errors.js';
import type { SocketRoute } from '../../core/ports/socket-route.js';
import { NodeSockets } from './node-sockets.js';
import type { GrantedUpgrade, SocketServer, SocketServerDeps, SocketServerOptions } from './socket-server.js';
import { type LoadedUws, loadUws } from './uws-library.js';
import { UwsSockets } from './uws-sockets.js';
import { costOfWs } from './ws-library.js';

export type SocketServerChoice = 'auto' | 'uws' | 'node';

/** The library that speaks WebSocket here. */
export interface SocketLibrary {
  readonly name: 'uWebSockets.js' | 'ws';
  /** Open files of a connection. */
  readonly filesOfWebSocket: number;
  /** As of its server. */
  readonly says: string;
  createServer(deps: SocketServerDeps, options: SocketServerOptions, routes: readonly SocketRoute[]): SocketServer;
}

/**
 * uWebSockets.js where one of its binaries loads, else `ws`, which runs wherever Node does. Throws `config_invalid`,
 * with the command to run, when the first is asked for by name and none loads.
 */
export async function loadSocketLibrary(choice: SocketServerChoice): Promise<SocketLibrary> {
  if (choice === 'node') return nodeLibrary('WebSockets are served by ws, as TIDEMARK_HTTP_SERVER has it');
  const found = await loadUws();
  if ('uws' in found) return uwsLibrary(found, choice);
  const { missing, advice } = found;
  if (choice === 'auto') {
    return nodeLibrary(because(`uWebSockets.js ${missing}. ${advice}; without it ${await costOfWs()}`));
  }
  throw new CollectorError('config_invalid', `cannot serve WebSockets by uWebSockets.js, which ${missing}. ${advice}`);
}

function uwsLibrary({ uws, packageName }: LoadedUws, choice: SocketServerChoice): SocketLibrary {
  const says = `WebSockets are served by ${packageName}`;
  return {
    name: 'uWebSockets.js',
    // The client's connection, and both ends of the one it is handed over by.
    filesOfWebSocket: 3,
    says,
    createServer(...given) {
      const server = new UwsSockets({ uws, says }, ...given);
      return choice === 'uws'
        ? server
        : new FirstToStart(server, (cause) => nodeLibrary(because(cause)).createServer(...given));
    },
  };
}

function nodeLibrary(says: string): SocketLibrary {
  return { name: 'ws', filesOfWebSocket: 1, says, createServer: (...given) => new NodeSockets(says, ...given) };
}

function because(cause: string): string {
  return `WebSockets are served by ws: ${cause}`;
}

/** A file system that knows no sockets keeps nobody from starting, unless uWebSockets.js was asked for by name. */
class FirstToStart implements SocketServer {
  readonly #createOther: (cause: string) => SocketServer;
  #server: SocketServer;

  constructor(server: SocketServer, createOther: (cause: string) => SocketServer) {
    this.#server = server;
    this.#createOther = createOther;
  }

  get says(): string {
    return this.#server.says;
  }

  async start(): Promise<void> {
    try {
      await this.#server.start();
    } catch (error) {
      await this.#server.stop(0);
      this.#server = this.#createOther(errorMessage(error));
      await this.#server.start();
    }
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#server.stop(deadlineMs);
  }

  handOver(granted: GrantedUpgrade): void {
    this.#server.handOver(granted);
  }
}
