import { connect, type Socket } from 'node:net';
import { setPriority } from 'node:os';

/**
 * Everything on loopback that wishes the collector ill, with what anybody on the machine may have: the reader's
 * password and a key that ingests. A process of its own, so that its CPU is not the collector's; told as JSON in its
 * first argument, ends on `stop`, and reports counts over the IPC channel.
 */
export interface HostileOptions {
  readonly enginePort: number;
  readonly collectorPort: number;
  readonly readerPassword: string;
  readonly ingestKey: string;
  readonly readers: number;
  readonly idleConnections: number;
  readonly abandonedUploads: number;
}

export interface HostileReport {
  readonly statements: Readonly<Record<string, number>>;
  readonly uploadsAbandoned: number;
  readonly idleReopened: number;
}

/** Each is endless or enormous in a way of its own. */
const statements = [
  'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)',
  'SELECT quantileExact(number) FROM numbers(2000000000)',
  "SELECT repeat('x', 1000000) FROM numbers(1000)",
  'SELECT groupArray(number) FROM numbers(1000000000)',
  'SELECT count() FROM agent_events AS a CROSS JOIN agent_events AS b WHERE a.agent_id != b.agent_id',
  'SELECT number, toString(number) FROM numbers(1000000000) ORDER BY rand()',
];

class Neighbours {
  readonly #options: HostileOptions;
  readonly #sockets = new Set<Socket>();
  readonly #answers = new Map<string, number>();
  #uploads = 0;
  #reopened = 0;
  #stopped = false;

  constructor(options: HostileOptions) {
    this.#options = options;
  }

  start(): void {
    const { readers, idleConnections, abandonedUploads } = this.#options;
    for (let index = 0; index < readers; index += 1) void this.#read(index);
    for (let index = 0; index < idleConnections; index += 1) this.#idle();
    for (let index = 0; index < abandonedUploads; index += 1) this.#upload();
  }

  stop(): HostileReport {
    this.#stopped = true;
    for (const socket of this.#sockets) socket.destroy();
    const { statements, uploadsAbandoned, idleReopened } = {
      statements: Object.fromEntries(this.#answers),
      uploadsAbandoned: this.#uploads,
      idleReopened: this.#reopened,
    };
    return { statements, uploadsAbandoned, idleReopened };
  }

  async #read(index: number): Promise<void> {
    const { enginePort, readerPassword } = this.#options;
    const authorization = `Basic ${Buffer.from(`default:${readerPassword}`).toString('base64')}`;
    for (let turn = index; !this.#stopped; turn += 1) {
      const stream = turn % 4 === 0 ? '?wait_end_of_query=0' : '';
      const outcome = await fetch(`http://127.0.0.1:${enginePort}/${stream}`, {
        method: 'POST',
        // A text of its own each time, so that none is known already.
        body: `${statements[turn % statements.length]} /* ${index} ${turn} */`,
        headers: { authorization },
        signal: AbortSignal.timeout(5_000),
      })
        .then(async (answer) => {
          await answer.arrayBuffer();
          return answer.headers.get('x-clickhouse-exception-code') ?? String(answer.status);
        })
        .catch(() => 'gone');
      this.#answers.set(outcome, (this.#answers.get(outcome) ?? 0) + 1);
      if (outcome === '202') await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Opened, begun, and left; opened again when it is cut. */
  #idle(): void {
    const socket = this.#open(this.#options.enginePort);
    socket.write('POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n');
    socket.once('close', () => {
      if (this.#stopped) return;
      this.#reopened += 1;
      setTimeout(() => this.#idle(), 500);
    });
  }

  /** An upload of which the first bytes come; two seconds later nobody is there any more, and then there is again. */
  #upload(): void {
    if (this.#stopped) return;
    const socket = this.#open(this.#options.collectorPort);
    socket.write(
      `POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${this.#options.ingestKey}\r\n` +
        'Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n[{"type":"log"',
    );
    setTimeout(() => socket.destroy(), 2_000);
    socket.once('close', () => {
      this.#uploads += 1;
      setTimeout(() => this.#upload(), 2_000);
    });
  }

  #open(port: number): Socket {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket)).resume();
    return socket;
  }
}

// What they take of the processors themselves is not what they are here for.
setPriority(19);
const neighbours = new Neighbours(JSON.parse(process.argv[2] ?? '{}') as HostileOptions);
neighbours.start();
process.once('message', () => {
  process.send?.(neighbours.stop(), () => process.exit(0));
});
process.once('disconnect', () => process.exit(0));
