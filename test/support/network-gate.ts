import { connect, createServer, type Socket } from 'node:net';
import { setInterval } from 'node:timers';
import { onTestFinished } from 'vitest';
import { freePort } from '../../bench/free-port.js';

const turnMs = 20;

/** The network between a client and a port of this machine, which can go and can be slow. */
export class NetworkGate {
  readonly port: number;
  readonly #target: () => number;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #server = createServer();
  /** What may go to the target in a turn; Infinity: everything. */
  #turnBytes = Number.POSITIVE_INFINITY;
  #turnLeft = Number.POSITIVE_INFINITY;

  private constructor(port: number, target: () => number) {
    this.port = port;
    this.#target = target;
  }

  static async open(target: () => number): Promise<NetworkGate> {
    const gate = new NetworkGate(await freePort(), target);
    await gate.comeBack();
    const turns = setInterval(() => gate.#beginTurn(), turnMs);
    onTestFinished(async () => {
      clearInterval(turns);
      await gate.goAway();
    });
    return gate;
  }

  /** Nobody answers here any more, and what was connected is not. */
  async goAway(): Promise<void> {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async comeBack(): Promise<void> {
    this.#server = createServer((near) => this.#join(near));
    await new Promise<void>((resolve) => this.#server.listen(this.port, '127.0.0.1', resolve));
  }

  limit(bytesPerSecond: number): void {
    this.#turnBytes = (bytesPerSecond * turnMs) / 1_000;
    this.#beginTurn();
  }

  #join(near: Socket): void {
    const far = connect(this.#target(), '127.0.0.1');
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    far.pipe(near);
    near.on('data', (data: Buffer) => {
      far.write(data);
      this.#turnLeft -= data.length;
      if (this.#turnLeft <= 0 || far.writableNeedDrain) near.pause();
    });
    far.on('drain', () => near.resume());
    const end = (): void => {
      this.#pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
  }

  #beginTurn(): void {
    this.#turnLeft = this.#turnBytes;
    for (const [near, far] of this.#pairs) if (!far.writableNeedDrain) near.resume();
  }
}
