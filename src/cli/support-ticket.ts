import { type Handle, type Tidemark, type TlsOptions, tidemark } from '../sdk/index.js';

/**
 * One ticket of a support agent, told by the SDK as `docs/examples/support-agent.mjs` tells it, with a made-up model: a
 * tool that fails twice, documents, memory, another agent inside, tokens of which some were cached. Beside the fleet,
 * which is made of events, it is the run that shows what a host of the SDK gets.
 */
export interface TicketOptions extends TlsOptions {
  readonly url: string;
  readonly key: string;
  /** Part of the agents' names, as in those of the fleet. */
  readonly token: string;
}

export interface ToldTicket {
  readonly runId: string;
  readonly agentId: string;
  /** Events that the collector has not acknowledged. */
  readonly missing: number;
}

const attemptsMax = 3;
const flushMsMax = 10_000;

export async function tellTicket({ token, ...address }: TicketOptions): Promise<ToldTicket> {
  const agentId = `support-agent-${token}`;
  const options = { agent: agentId, agentName: 'support agent', agentVersion: '1.4.0', environment: 'production' };
  const tm = tidemark({ ...options, ...address, heartbeatMs: 0, signals: false });
  const runId = await handleTicket(tm, token);
  const { pending, rejected, dropped } = await tm.close({ timeoutMs: flushMsMax });
  return { runId, agentId, missing: pending + rejected + dropped };
}

async function handleTicket(tm: Tidemark, token: string): Promise<string> {
  const order = { orderId: 'A-1007', total: 42 };
  const ask = createModel(tm);
  const context = { user: 'ada', session: `chat-${token}`, labels: { ticket: 'T-1' } };
  return await tm.run('support ticket', context, async (run) => {
    tm.memory.recalled();
    await tm.task('find order', async () => {
      await ask('read ticket');
      await tm.retry(attemptsMax, (attempt) =>
        tm.tool('order_api', { args: { orderId: order.orderId } }, () => lookUp(attempt)),
      );
    });
    await tm.task('check policy', async (task) => {
      await tm.retrieval('search_documents', { args: 'refund within days' }, async () => task.output({ documents: 1 }));
      await ask('compare with policy');
    });
    await tm.task('refund order', () => refund(tm, ask, { token, total: order.total }));
    tm.memory.stored();
    tm.log('info', 'ticket T-1 answered');
    run.output({ refunded: order.total });
    return run.id;
  });
}

class OrderServiceError extends Error {
  override readonly name = 'OrderServiceError';
  readonly code = 'http_502';
}

async function lookUp(attempt: number): Promise<void> {
  if (attempt < attemptsMax) throw new OrderServiceError('the order service answered 502');
}

/** Another agent: a run of its own inside. */
async function refund(
  tm: Tidemark,
  ask: (task: string) => Promise<void>,
  { token, total }: { readonly token: string; readonly total: number },
): Promise<void> {
  await tm.run('refund', { agent: `refunds-${token}` }, async () => {
    await ask('decide refund');
    await tm.tool('payment_api', { args: { amount: total } }, async (step: Handle) => step.output({ refunded: total }));
  });
}

/** As a model would answer; the cached part of what goes in grows from call to call. */
function createModel(tm: Tidemark): (task: string) => Promise<void> {
  let cacheRead = 0;
  return async (task) => {
    await tm.llm('chat', { model: 'large-4', provider: 'northwind' }, async (step) => {
      const usage = { in: 400 + 10 * task.length, out: 60, cacheRead, reasoning: 12, costMicros: 900 };
      cacheRead += 200;
      step.usage({ ...usage, finishReason: 'stop' });
    });
  };
}
