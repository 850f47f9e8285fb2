import type { Clock } from '../../core/clock.js';
import { CollectorError } from '../../core/errors.js';
import type { QueryInstruments } from '../../core/instruments.js';
import { invariant } from '../../core/invariant.js';
import type { HttpReply } from '../../core/ports/http-route.js';

export interface AnswerCacheDeps {
  readonly clock: Clock;
  readonly instruments: Pick<QueryInstruments, 'requests'>;
}

export interface AnswerCacheOptions {
  /** Counted from the start of the read, so that no request is given what was true longer before it than this. */
  readonly ageMsMax: number;
  readonly entriesMax: number;
  /** Of keys and bodies, two bytes a character. */
  readonly bytesMax: number;
}

export interface GivenAnswer {
  readonly reply: HttpReply;
  /** `hit`: kept from an earlier read; `shared`: of a read that was under way; `miss`: of a read of its own. */
  readonly source: 'hit' | 'shared' | 'miss';
  /** Since the start of the read. */
  readonly ageMs: number;
}

/**
 * Answers of the last second by key, and reads under way that equal requests join. A failure goes to all who wait for
 * it and is not kept; neither is an answer other than 200. A read is cancelled when everyone who waited for it is gone.
 *
 * Answers lie in order of their start, which is the order in which they expire: each request drops what is too old,
 * and the oldest go first when there are too many.
 */
export class AnswerCache {
  readonly #clock: Clock;
  readonly #instruments: Pick<QueryInstruments, 'requests'>;
  readonly #options: AnswerCacheOptions;
  readonly #reads = new Map<string, SharedRead>();
  #bytes = 0;

  constructor({ clock, instruments }: AnswerCacheDeps, options: AnswerCacheOptions) {
    this.#clock = clock;
    this.#instruments = instruments;
    this.#options = options;
  }

  get entries(): number {
    return this.#reads.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * `compute` must depend on nothing but `key`; its reply has a text body. Rejects with what it rejects with, and with
   * `query_timeout` when `signal` aborts first, which nobody is there to read.
   */
  async answer(
    key: string,
    signal: AbortSignal,
    compute: (signal: AbortSignal) => Promise<HttpReply>,
  ): Promise<GivenAnswer> {
    const nowMs = this.#clock.monotonicMs();
    this.#dropExpired(nowMs);
    let read = this.#reads.get(key);
    const source = read === undefined ? 'miss' : read.done ? 'hit' : 'shared';
    this.#instruments.requests.inc({ outcome: source });
    read ??= this.#begin(key, nowMs, compute);
    const reply = await this.#wait(key, read, signal);
    return { reply, source, ageMs: this.#clock.monotonicMs() - read.startedMs };
  }

  #begin(key: string, nowMs: number, compute: (signal: AbortSignal) => Promise<HttpReply>): SharedRead {
    const controller = new AbortController();
    const read: SharedRead = {
      startedMs: nowMs,
      controller,
      reply: compute(controller.signal).then(textReply),
      waiting: 0,
      done: false,
      bytes: 2 * key.length,
    };
    this.#reads.set(key, read);
    this.#bytes += read.bytes;
    read.reply.then(
      (reply) => this.#keep(key, read, reply),
      () => this.#drop(key, read),
    );
    this.#dropSurplus();
    return read;
  }

  #wait(key: string, read: SharedRead, signal: AbortSignal): Promise<HttpReply> {
    read.waiting++;
    return new Promise((resolve, reject) => {
      const leave = () => {
        read.waiting--;
        if (read.waiting === 0 && !read.done) {
          this.#drop(key, read);
          read.controller.abort();
        }
        reject(new CollectorError('query_timeout', 'cannot answer: the client went away'));
      };
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
      read.reply.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
    });
  }

  #keep(key: string, read: SharedRead, { status, body }: TextReply): void {
    read.done = true;
    if (this.#reads.get(key) !== read) return;
    if (status !== 200) {
      this.#drop(key, read);
      return;
    }
    const bytes = 2 * body.length;
    read.bytes += bytes;
    this.#bytes += bytes;
    this.#dropSurplus();
  }

  #dropExpired(nowMs: number): void {
    for (const [key, read] of this.#reads) {
      if (nowMs - read.startedMs < this.#options.ageMsMax) return;
      this.#drop(key, read);
    }
  }

  /** A read under way that is dropped goes on for those who wait; nobody else joins it. */
  #dropSurplus(): void {
    for (const [key, read] of this.#reads) {
      if (this.#reads.size <= this.#options.entriesMax && this.#bytes <= this.#options.bytesMax) return;
      this.#drop(key, read);
    }
  }

  #drop(key: string, read: SharedRead): void {
    if (this.#reads.get(key) !== read) return;
    this.#reads.delete(key);
    this.#bytes -= read.bytes;
  }
}

type TextReply = HttpReply & { readonly body: string };

function textReply({ status, headers = {}, body = '' }: HttpReply): TextReply {
  invariant(typeof body === 'string', 'a shared answer is a text: a stream can be read once only');
  return { status, headers, body };
}

interface SharedRead {
  /** Of the monotonic clock. */
  readonly startedMs: number;
  readonly controller: AbortController;
  readonly reply: Promise<TextReply>;
  /** Requests that wait for it. */
  waiting: number;
  done: boolean;
  bytes: number;
}
