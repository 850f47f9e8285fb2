import { CollectorError } from '../core/errors.js';
import type { HttpRoute } from '../core/ports/http-route.js';
import { problem } from '../core/problem.js';
import { eventsOperation } from './events-operation.js';
import { FirstAnswers, type KeptReply } from './first-answers.js';
import type { FrameResult } from './frame-origin.js';
import { inflateBody, parseFormat } from './http-body.js';
import type { KeyBudget } from './limits/key-budget.js';
import type { KeyBudgets } from './limits/key-budgets.js';
import { type RequestFrames, requestProducer } from './request-frames.js';

export interface EventsRouteOptions {
  /** Bytes of a body, as sent and when inflated. */
  readonly frameBytesMax: number;
  /** Answers kept for repeated requests, and their characters. */
  readonly firstAnswersMax: number;
  readonly firstAnswersCharactersMax: number;
}

export interface EventsRouteDeps {
  readonly frames: RequestFrames;
  readonly budgets: Pick<KeyBudgets, 'of'>;
  /** An answer to a request with an `Idempotency-Key` is no longer kept. */
  readonly onAnswerForgotten: () => void;
}

/** `POST /v1/events`: one body is one frame; the answer comes when it is on disk. */
export function createEventsRoute(deps: EventsRouteDeps, options: EventsRouteOptions): HttpRoute {
  const { frames, budgets } = deps;
  const answers = new FirstAnswers({
    answersMax: options.firstAnswersMax,
    charactersMax: options.firstAnswersCharactersMax,
    onForgotten: deps.onAnswerForgotten,
  });
  return {
    method: 'POST',
    path: '/v1/events',
    scope: 'ingest',
    limitedByEvents: true,
    byUser: true,
    bodyBytesMax: options.frameBytesMax,
    operation: eventsOperation,
    async handle(request, principal) {
      frames.mustHaveRoom();
      const budget = budgets.of(principal);
      mustBeWithin(budget);
      const format = parseFormat(request.headers.get('content-type'));
      const bytes = await inflateBody(request, options.frameBytesMax);
      const producer = requestProducer(request.headers.get('idempotency-key'));
      const result = await withinBudget(budget, bytes.byteLength, () =>
        frames.submit({ principal, producer, bytes, format }),
      );
      const reply = replyTo(result);
      if (producer === '') return reply;
      if (!result.duplicate) {
        answers.keep(principal.tenant, producer, reply);
        return reply;
      }
      const first = answers.get(principal.tenant, producer);
      const said = first === null ? 'again' : 'first';
      return { ...(first ?? reply), headers: { ...(first ?? reply).headers, 'idempotency-answer': said } };
    },
  };
}

/** Throws what the key may not have now, and when it may. */
function mustBeWithin(budget: KeyBudget): void {
  const refusal = budget.isLimited ? budget.refusal() : null;
  if (refusal === null) return;
  const { code, message, retryAfterSeconds } = refusal;
  throw new CollectorError(code, message, { retryAfterSeconds });
}

async function withinBudget(
  budget: KeyBudget,
  bytes: number,
  submit: () => Promise<FrameResult>,
): Promise<FrameResult> {
  if (!budget.isLimited) return submit();
  // Others may have come while the body was inflated.
  mustBeWithin(budget);
  const giveBack = budget.reserve();
  try {
    budget.takeBytes(bytes);
    const result = await submit();
    const { frame, duplicate, duplicateEvents } = result;
    if (!duplicate) budget.takeEvents(frame.events, frame.accepted - duplicateEvents);
    return result;
  } finally {
    giveBack();
  }
}

/** 202 when anything was accepted; a request of which every event is bad is a 400 that names them. */
function replyTo(result: FrameResult): KeptReply {
  const { frame, duplicate, duplicateEvents } = result;
  const { accepted, rejected, errors } = frame;
  if (accepted === 0 && rejected > 0) {
    const detail = `none of ${rejected} events could be accepted`;
    const { body, ...reply } = problem(errors[0]?.code ?? 'frame_shape', { detail, errors });
    return { ...reply, body: String(body) };
  }
  const body = { accepted, rejected, duplicates: duplicate ? accepted : duplicateEvents, errors };
  return {
    status: 202,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: `${JSON.stringify(body)}\n`,
  };
}
