import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { ClickHouseException } from '../clickhouse-exception.js';
import { channelName } from '../process/engine-channel.js';
import type { EngineOptions } from '../process/engine-protocol.js';
import { EngineUsers } from './engine-users.js';
import { GuestConnections } from './guest-connections.js';
import type { RefusalCounts } from './refusal-counts.js';

export type RequestListener = (request: IncomingMessage, response: ServerResponse, door: EngineDoor) => void;

/**
 * A way in: the collector's own channel, a Unix socket that only its user can open, or the port that is open to
 * everybody on this machine. They share nothing that one could take from the other.
 */
export class EngineDoor {
  readonly isCollectors: boolean;
  readonly users: EngineUsers;
  readonly server: Server;
  /** Results on their way to clients; a slow client holds its own until it has read it. */
  #unsentBytes = 0;
  readonly #unsentBytesMax: number;

  private constructor(parts: Pick<EngineDoor, 'isCollectors' | 'users' | 'server'>, { memoryBytesMax }: EngineOptions) {
    this.#unsentBytesMax = memoryBytesMax / unsentMemoryShare;
    this.isCollectors = parts.isCollectors;
    this.users = parts.users;
    this.server = parts.server;
  }

  static ofCollector(options: EngineOptions, listener: RequestListener): EngineDoor {
    const { writerUser, writerPasswordHash: passwordHash } = options;
    const common = { tenant: null, isCollector: true, passwordHash };
    const users = new EngineUsers(
      [
        { ...common, name: writerUser, role: 'writer' },
        { ...common, name: collectorReader, role: 'reader' },
      ],
      '',
    );
    // A connection is kept for as long as the collector wants it, so that none is reused dead.
    const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, maxHeaderSize: headerBytesMax });
    const door = new EngineDoor({ isCollectors: true, users, server }, options);
    server.on('request', (request, response) => listener(request, response, door));
    return door;
  }

  static ofGuests(options: EngineOptions, refusals: RefusalCounts, listener: RequestListener): EngineDoor {
    const { writerUser, writerPasswordHash: passwordHash, readers, guestConnectionsMax: connectionsMax } = options;
    const writer = { name: writerUser, passwordHash, role: 'writer', tenant: null } as const;
    const accounts = [writer, ...readers.map((reader) => ({ ...reader, role: 'reader' as const }))];
    const users = new EngineUsers(
      accounts.map((account) => ({ ...account, isCollector: false })),
      readers[0]?.name ?? '',
    );
    const server = createServer({
      keepAliveTimeout: keepAliveMs,
      headersTimeout: headersMsMax,
      maxHeaderSize: headerBytesMax,
      noDelay: true,
    });
    const door = new EngineDoor({ isCollectors: false, users, server }, options);
    new GuestConnections(server, { connectionsMax, onCut: () => refusals.count('connection') });
    server.on('request', (request, response) => listener(request, response, door));
    return door;
  }

  /** Counts a result as unsent until `sent` is called, once. Throws TOO_MANY_SIMULTANEOUS_QUERIES. */
  hold(bytes: number): { readonly sent: () => void } {
    if (this.#unsentBytes > 0 && this.#unsentBytes + bytes > this.#unsentBytesMax) {
      const problem = 'Too many results wait to be read by slow clients.';
      throw new ClickHouseException('TOO_MANY_SIMULTANEOUS_QUERIES', problem);
    }
    this.#unsentBytes += bytes;
    return {
      sent: () => {
        this.#unsentBytes -= bytes;
      },
    };
  }

  /** Makes the socket of the collector's channel. One that a killed engine left goes: only one has the directory. */
  async open(): Promise<void> {
    rmSync(channelName, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ path: channelName }, () => {
        this.server.off('error', reject);
        chmodSync(channelName, 0o600);
        resolve();
      });
    });
  }
}

/** The collector's account that only reads. */
export const collectorReader = 'collector';

/** A quarter of the memory may hold results that are being sent, but one result always may. */
const unsentMemoryShare = 4;

/** Above the idle time after which clients drop a socket (2.5 s in @clickhouse/client), so that none is reused dead. */
const keepAliveMs = 30_000;
/** For the head of a request to arrive. */
const headersMsMax = 15_000;
/** A URL of a mebibyte, as a server takes it (`http_max_uri_size`), and other lines. */
const headerBytesMax = 1_048_576 + 65_536;
