import { constants, openSync, writeSync } from 'node:fs';
import { Writable } from 'node:stream';
import type { Clock, Timer } from '../core/clock.js';

/** Bytes that wait for a reader who takes none; what comes beyond them is dropped. */
const waitingBytesMax = 1_048_576;
const retryMs = 100;
/** How often the last is tried at the exit of the process, and for how long it waits in between. */
const lastTries = 20;
const lastPauseMs = 50;

const { O_WRONLY, O_NOCTTY, O_NONBLOCK } = constants;

/**
 * The terminal at a descriptor, opened once more: by this one a write to a terminal that is held (Ctrl-S) does not wait
 * for its user. The descriptor itself is shared with the shell, which would not expect that of it. It stays as it is
 * where the terminal belongs to somebody else.
 */
export function patientTerminal(fd: number): number {
  try {
    return openSync(`/dev/fd/${fd}`, O_WRONLY | O_NOCTTY | O_NONBLOCK);
  } catch {
    return fd;
  }
}

export interface LogOutputOptions {
  readonly fd: number;
  /** So many texts were dropped before the one that was just written. */
  readonly onDropped?: (count: number) => void;
}

/**
 * Standard output of a process that must go on when nobody reads it, its reader is gone, or its disk is full. What is
 * written is written at once, so that none is missing after an exit; what a pipe does not take waits, bounded, and what
 * cannot be written is dropped and counted. Node makes pipes and sockets at descriptors 1 and 2 say so instead of
 * waiting (O_NONBLOCK) once `process.stdout` or `process.stderr` has been touched; for terminals there is
 * `patientTerminal`. A file on a disk that hangs still holds the writer.
 *
 * pino's own destination waits for a reader in the main thread, throws for a full disk, and never ends its last write
 * there (sonic-boom 4.2).
 */
export class LogOutput {
  readonly #clock: Clock;
  readonly #fd: number;
  readonly #onDropped: (count: number) => void;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** The last that was written is the beginning of a line. */
  #isCut = false;
  #retry: Timer | null = null;
  #dropped = 0;
  #untold = 0;

  constructor({ clock }: { readonly clock: Clock }, { fd, onDropped = () => undefined }: LogOutputOptions) {
    this.#clock = clock;
    this.#fd = fd;
    this.#onDropped = onDropped;
  }

  /** Texts that were not written, as yet. */
  get dropped(): number {
    return this.#dropped;
  }

  write(text: string): void {
    const bytes = Buffer.from(this.#isCut && this.#waiting.length === 0 ? `\n${text}` : text);
    if (this.#waitingBytes + bytes.length > waitingBytesMax) {
      this.#drop(1);
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#retry === null) this.#drain();
  }

  /** For who needs a stream. It never asks for a pause. */
  stream(): Writable {
    return new Writable({
      decodeStrings: false,
      write: (text: string | Buffer, _encoding, done) => {
        this.write(text.toString());
        done();
      },
    });
  }

  /** Writes what waits, for a second at the most: when the process exits nothing else can. */
  end(): void {
    for (let tries = 0; tries < lastTries && this.#waiting.length > 0; tries++) {
      if (tries > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lastPauseMs);
      this.#drain();
    }
    this.#retry?.cancel();
    this.#retry = null;
  }

  #drain(): void {
    this.#retry?.cancel();
    this.#retry = null;
    for (let [first] = this.#waiting; first !== undefined; [first] = this.#waiting) {
      const written = this.#tryWrite(first);
      if (written === null) return;
      this.#waitingBytes -= written;
      this.#isCut = written < first.length;
      if (this.#isCut) this.#waiting[0] = first.subarray(written);
      else this.#waiting.shift();
    }
    this.#tellDropped();
  }

  /** Null: not now. */
  #tryWrite(bytes: Buffer): number | null {
    try {
      return writeSync(this.#fd, bytes);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN' || code === 'EBUSY' || code === 'EINTR') {
        this.#retry = this.#clock.setTimer(retryMs, () => this.#drain());
      } else this.#dropAll();
      return null;
    }
  }

  #dropAll(): void {
    this.#drop(this.#waiting.length);
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #drop(count: number): void {
    this.#dropped += count;
    this.#untold += count;
  }

  #tellDropped(): void {
    const count = this.#untold;
    if (count === 0) return;
    this.#untold = 0;
    this.#onDropped(count);
  }
}
