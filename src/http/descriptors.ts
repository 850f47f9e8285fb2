import { closeSync, openSync } from 'node:fs';
import type { Clock, Timer } from '../core/clock.js';
import { CollectorError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { OpenFiles } from '../core/open-files.js';

/** For connections to the store, another engine, files of keys. */
const ownFiles = 64;
/** Of the limit, for requests that are no WebSockets. */
const requestShare = 1 / 8;
const requestFilesMin = 24;
const connectionsMin = 8;

/**
 * How many WebSockets of `asked` the open files allow, when the collector and everybody's requests are to have what
 * they need. Throws CollectorError `config_invalid` when there is no room to speak of.
 */
export function affordableConnections(asked: number, open: OpenFiles | null): number {
  if (open === null) return asked;
  const kept = open.used + ownFiles + Math.max(requestFilesMin, Math.floor(open.limit * requestShare));
  const affordable = open.limit - kept;
  if (affordable >= connectionsMin || affordable >= asked) return Math.min(asked, affordable);
  throw new CollectorError(
    'config_invalid',
    `cannot serve connections: this process may have ${open.limit} open files and needs ${kept} of them itself; ` +
      `allow at least ${kept + connectionsMin} (${howToRaise})`,
  );
}

export const howToRaise = 'ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of a container';

/** With fewer free descriptors a connection is not kept open for a next request. */
const freeMin = 16;
const watchMs = 200;
const pauseMs = 2;
const pausesBetweenLooks = 25;

/**
 * Watches whether connections leave a descriptor free. uWebSockets.js asks for the next connection again and again
 * while there is none for it: without a pause that takes a whole processor. The system gives out the lowest number
 * that is free, so a file opened for a moment tells how many are.
 */
export class DescriptorWatch {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #limit: number;
  readonly #pausing = new Int32Array(new SharedArrayBuffer(4));
  #free = Number.POSITIVE_INFINITY;
  #timer: Timer | null = null;
  #stopped = false;

  constructor(deps: { readonly clock: Clock; readonly logger: Logger }, open: OpenFiles) {
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#limit = open.limit;
  }

  /** Whether connections should be let go of when they have had their answer. */
  get crowded(): boolean {
    return this.#free < freeMin;
  }

  start(): void {
    if (this.#stopped) return;
    const before = this.#free;
    this.#look();
    if (this.#free === 0) {
      if (before > 0)
        this.#logger.warn({ limit: this.#limit }, `connections wait: no open file is left (${howToRaise})`);
      this.#pause(0);
    }
    this.#timer = this.#clock.setTimer(watchMs, () => this.start());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #look(): void {
    try {
      const fd = openSync('/dev/null', 'r');
      closeSync(fd);
      this.#free = Math.max(1, this.#limit - fd);
    } catch {
      this.#free = 0;
    }
  }

  /** Once a turn of the event loop, until a descriptor is free or the next look begins anew. */
  #pause(pauses: number): void {
    if (this.#stopped || this.#free > 0 || pauses >= watchMs / pauseMs) return;
    setImmediate(() => {
      Atomics.wait(this.#pausing, 0, 0, pauseMs);
      if (pauses % pausesBetweenLooks === pausesBetweenLooks - 1) this.#look();
      this.#pause(pauses + 1);
    }).unref();
  }
}
