import { randomBytes } from 'node:crypto';
import type { Clock, Timer } from '../core/clock.js';
import { type ErrorCode, errorTable } from '../core/errors.js';
import type { IngestInstruments } from '../core/instruments.js';
import type { Socket, SocketHandlers, SocketRequest, SocketRoute } from '../core/ports/socket-route.js';
import type { SpoolAppender } from '../core/ports/spool-appender.js';
import { within } from '../core/within.js';
import { CreditCap, type CreditLevel, CreditShare, creditFrames, nextCreditLevel } from './credit.js';
import { userProducer } from './frame-origin.js';
import type { KeyBudgets } from './limits/key-budgets.js';
import type { IngestPipeline } from './pipeline.js';
import { encodeStreamMessage, type StreamEncoding, type StreamMessage } from './stream-message.js';
import { StreamSession } from './stream-session.js';

export interface StreamRouteDeps {
  readonly pipeline: IngestPipeline;
  readonly spool: SpoolAppender;
  readonly clock: Clock;
  readonly budgets: Pick<KeyBudgets, 'of'>;
  readonly instruments: IngestInstruments;
}

export interface StreamRouteOptions {
  readonly frameBytesMax: number;
  /** Frames a connection may have unacknowledged. */
  readonly creditMax: number;
  /** Bytes received and not answered, over all connections, at which credit stops. */
  readonly bytesInFlightMax: number;
}

/**
 * While credit is stopped clients send nothing, so no frame settles by which it would be seen that there is room again:
 * it is looked for so often.
 */
const roomCheckMs = 1_000;

/** A larger frame still gets its named error; beyond this the connection is cut without one. */
const payloadOverFrame = 8;

const producerPattern = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * `/v1/stream`: one session a connection, one connection a producer. A new connection replaces the old
 * one and is greeted when the old one's frames are settled, so that `last_seq` is what is durable.
 */
export class StreamRoute implements SocketRoute {
  readonly path = '/v1/stream';
  readonly scope = 'ingest';
  readonly protocol = 'tidemark.v1';
  readonly summary = 'Takes frames of events and acknowledges them when they are on disk';
  readonly payloadBytesMax: number;
  readonly #deps: StreamRouteDeps;
  readonly #options: StreamRouteOptions;
  /** By tenant and producer; a closed session stays until its frames are settled. */
  readonly #sessions = new Map<string, StreamSession>();
  /** Greeted when the session they replace is finished; by the replaced one, and the other way round. */
  readonly #successors = new Map<StreamSession, StreamSession>();
  readonly #predecessors = new Map<StreamSession, StreamSession>();
  #level: CreditLevel = 'open';
  readonly #cap: CreditCap;
  readonly #share: CreditShare;
  #credit: number;
  #roomCheck: Timer | null = null;

  constructor(deps: StreamRouteDeps, options: StreamRouteOptions) {
    this.#deps = deps;
    this.#options = options;
    this.payloadBytesMax = Math.min(payloadOverFrame * options.frameBytesMax, 2 ** 31 - 1);
    const { creditMax: framesMax, bytesInFlightMax: bytesMax, frameBytesMax } = options;
    this.#cap = new CreditCap(framesMax);
    this.#share = new CreditShare({ framesMax, bytesMax, frameBytesMax });
    this.#credit = options.creditMax;
    deps.pipeline.onSettled(() => this.#adjustCredit());
  }

  get credit(): number {
    return this.#credit;
  }

  errorMessage(error: { readonly code: ErrorCode; readonly message: string }, query: URLSearchParams) {
    return encodeStreamMessage({ op: 'error', ...error }, encodingOf(query));
  }

  open(socket: Socket, request: SocketRequest): SocketHandlers {
    const encoding = encodingOf(request.query);
    const given = request.query.get('producer');
    if (given !== null && !producerPattern.test(given)) {
      const message = errorTable.producer_invalid.meaning;
      return this.#turnAway(socket, { op: 'error', code: 'producer_invalid', message }, encoding);
    }
    const spent = this.#deps.budgets.of(request.principal).spent();
    if (spent !== null) {
      const { code, message, retryAfterSeconds: retry_after } = spent;
      return this.#turnAway(socket, { op: 'error', code, message, retry_after }, encoding);
    }
    const producer = given ?? `anonymous-${randomBytes(12).toString('hex')}`;
    // Nobody may have sent anything since the clock was lost, and those that are open share with one more.
    this.#adjustCredit(1);
    const session = this.#createSession(socket, request, { producer, encoding });
    this.#replaceOrGreet(session);
    return session;
  }

  async drain(deadlineMs: number): Promise<void> {
    const { pipeline, clock } = this.#deps;
    await within(clock, pipeline.drained(), deadlineMs);
    this.#roomCheck?.cancel();
  }

  #turnAway(socket: Socket, error: ErrorMessage, encoding: StreamEncoding): SocketHandlers {
    const { code } = error;
    this.#deps.instruments.connectionsClosed.inc({ code });
    socket.send(encodeStreamMessage(error, encoding));
    socket.close(errorTable[code].closeCode ?? 1008, code);
    return { message() {}, end() {}, closed() {} };
  }

  #createSession(
    socket: Socket,
    request: SocketRequest,
    options: { readonly producer: string; readonly encoding: 'json' | 'msgpack' },
  ): StreamSession {
    const { pipeline, clock, spool, budgets, instruments } = this.#deps;
    const { tenant, contentAllowed, user = null } = request.principal;
    const position = userProducer(options.producer, user);
    const { frameBytesMax, creditMax } = this.#options;
    return new StreamSession(
      {
        pipeline,
        clock,
        socket,
        budget: budgets.of(request.principal),
        lastSeq: () => spool.lastSeq(tenant, position),
        onFinished: (session) => this.#forget(session),
        onClosedWith: (code) => instruments.connectionsClosed.inc({ code }),
        onGapForgotten: () => instruments.dedupForgotten.inc({ kind: 'seq_gap' }),
      },
      { ...options, position, tenant, contentAllowed, user, frameBytesMax, creditMax },
    );
  }

  #replaceOrGreet(session: StreamSession): void {
    const key = sessionKey(session);
    const before = this.#sessions.get(key);
    this.#sessions.set(key, session);
    if (before === undefined || before.finished) {
      session.greet(this.credit);
      return;
    }
    this.#link(before, session);
    before.replace();
  }

  #link(before: StreamSession, session: StreamSession): void {
    this.#successors.set(before, session);
    this.#predecessors.set(session, before);
  }

  #forget(session: StreamSession): void {
    const key = sessionKey(session);
    const successor = this.#successors.get(session);
    const predecessor = this.#predecessors.get(session);
    if (this.#sessions.get(key) === session) {
      // It went before it was greeted: who comes next waits for the same frames.
      if (predecessor === undefined || predecessor.finished) this.#sessions.delete(key);
      else this.#sessions.set(key, predecessor);
    }
    this.#successors.delete(session);
    this.#predecessors.delete(session);
    if (predecessor !== undefined) this.#successors.delete(predecessor);
    if (successor === undefined) return;
    this.#predecessors.delete(successor);
    // Replaced before it was greeted: its successor waits for the one before it.
    if (predecessor !== undefined && !predecessor.finished) this.#link(predecessor, successor);
    else successor.greet(this.credit);
  }

  /** `coming`: connections that are about to be greeted. */
  #adjustCredit(coming = 0): void {
    const { pipeline, spool, clock } = this.#deps;
    const memoryRatio = pipeline.bytesInFlight / this.#options.bytesInFlightMax;
    this.#level = nextCreditLevel(this.#level, {
      memoryRatio,
      spoolRatio: spool.fullness(),
      stalled: pipeline.stalled || pipeline.clockUnset,
    });
    this.#checkForRoom();
    const share = this.#share.at(this.#sessions.size + coming, pipeline.answered);
    const credit = creditFrames(this.#level, Math.min(share, this.#cap.at(memoryRatio, clock.monotonicMs())));
    if (credit === this.#credit) return;
    this.#credit = credit;
    for (const session of this.#sessions.values()) session.announceCredit(this.credit);
  }

  #checkForRoom(): void {
    this.#roomCheck?.cancel();
    this.#roomCheck = null;
    if (this.#level !== 'stopped') return;
    this.#roomCheck = this.#deps.clock.setTimer(roomCheckMs, () => this.#adjustCredit());
  }
}

type ErrorMessage = Extract<StreamMessage, { op: 'error' }> & { readonly code: ErrorCode };

/** Until the client has sent a frame, whose format is answered in kind. */
function encodingOf(query: URLSearchParams): StreamEncoding {
  return query.get('format') === 'json' ? 'json' : 'msgpack';
}

function sessionKey(session: StreamSession): string {
  return `${session.tenant}\n${session.producer}`;
}
