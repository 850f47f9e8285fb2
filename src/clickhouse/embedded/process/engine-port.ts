import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock, Timer } from '../../../core/clock.js';
import { CollectorError } from '../../../core/errors.js';
import type { Logger } from '../../../core/logger.js';

/**
 * The engine's open port, on the loopback address. The collector listens on it before it says that it has started, so
 * that nobody else can; lends the socket to the engine when that is ready; and listens again when the engine has
 * ended. While it has the port itself, it answers that the engine is away.
 *
 * Between the end of an engine and the next moment of the collector the port is nobody's. Somebody who takes it then
 * shows as `problem`, and it is asked for again and again.
 */
export class EnginePort {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #onRegained: () => void;
  #port: number;
  #server: Server | null = null;
  #problem: string | null = null;
  #timer: Timer | null = null;
  #closed = false;

  /** `port`: 0 takes a free one, and keeps it. `onRegained`: it is ours again, after it was not. */
  constructor(deps: { readonly clock: Clock; readonly logger: Logger; readonly onRegained: () => void }, port: number) {
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#onRegained = deps.onRegained;
    this.#port = port;
  }

  get port(): number {
    return this.#port;
  }

  /** Why the engine does not listen there, or null. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Ours, to be lent; null while it is lent, or cannot be had. */
  get server(): Server | null {
    return this.#server;
  }

  /** Null when it is ours, else the system's code. */
  async tryOpen(): Promise<string | null> {
    if (this.#server !== null || this.#closed) return null;
    const server = createServer(answerAway);
    server.maxConnections = connectionsMax;
    const code = await new Promise<string | null>((resolve) => {
      server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      server.listen({ host: '127.0.0.1', port: this.#port, exclusive: true }, () => resolve(null));
    });
    if (code !== null) return code;
    server.on('error', () => undefined);
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    if (this.#closed) this.#letGo();
    return null;
  }

  /** The engine has it. */
  lent(): void {
    this.#problem = null;
    this.#letGo();
  }

  /** Takes it back, or tries until it can be had. */
  async regain(): Promise<void> {
    const code = await this.tryOpen();
    if (this.#closed) return;
    if (code === null) {
      if (this.#problem === null) return;
      this.#logger.info({ port: this.#port }, "the embedded engine's port is free again");
      this.#onRegained();
      return;
    }
    if (this.#problem === null) {
      this.#problem = takenBecause(this.#port, code);
      this.#logger.warn({ port: this.#port, code }, 'the embedded engine runs without its port, which is taken');
    }
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(retryMs, () => void this.regain());
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#letGo();
  }

  refusal(code: string): CollectorError {
    const kind = code === 'EACCES' || code === 'EADDRNOTAVAIL' ? 'config_invalid' : 'port_taken';
    return new CollectorError(kind, `cannot start the embedded engine: ${takenBecause(this.#port, code)}`);
  }

  #letGo(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
    this.#server = null;
  }
}

function takenBecause(port: number, code: string): string {
  const other = 'choose another TIDEMARK_CLICKHOUSE_PORT (0 takes a free one)';
  if (code === 'EADDRINUSE') return `another program has port ${port}; stop it or ${other}`;
  if (code === 'EACCES') return `port ${port} is for privileged users only; ${other}`;
  if (code !== 'EADDRNOTAVAIL') return `port ${port} cannot be had (${code}); ${other}`;
  const remedy = 'give it to the loopback interface (ip addr add 127.0.0.1/8 dev lo)';
  return `this machine has no address 127.0.0.1; ${remedy}, or set TIDEMARK_CLICKHOUSE_URL to a ClickHouse server`;
}

function answerAway(_request: unknown, response: ServerResponse): void {
  response.writeHead(503, {
    'Content-Type': 'text/plain; charset=UTF-8',
    'Retry-After': '1',
    'X-ClickHouse-Exception-Code': '236',
    Connection: 'close',
  });
  response.end('Code: 236. DB::Exception: The embedded engine is starting. (ABORTED)\n');
}

const retryMs = 1_000;
/** Of those that are told that the engine is away. */
const connectionsMax = 64;
