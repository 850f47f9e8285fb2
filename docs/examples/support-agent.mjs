/**
 * A support agent that needs no model of anybody's: what would be a model's answer is made up here, the same each time.
 * It looks an order up with a tool that fails now and then, searches documents, remembers the customer, hands the refund
 * to another agent, and answers.
 *
 *   TIDEMARK_URL=http://127.0.0.1:7077 TIDEMARK_KEY=… node support-agent.mjs
 */
import { tidemark } from 'tidemark/sdk';

const tm = tidemark({ agent: 'support', agentVersion: '1.4.0', environment: 'production' });

const orders = { 'A-1007': { status: 'shipped', days: 3, total: 42 } };
const documents = [
  { id: 'refunds', text: 'A refund is possible within 30 days.' },
  { id: 'shipping', text: 'Parcels take three to five days.' },
];

class OrderServiceError extends Error {
  name = 'OrderServiceError';
  code = 'http_502';
}

/** Answers from the third call on. */
function createOrderService() {
  let calls = 0;
  return async (id) => {
    calls += 1;
    if (calls < 3) throw new OrderServiceError('the order service answered 502');
    return orders[id];
  };
}

/** As a model would answer: a text, and what it cost. The cached part of the prompt grows from call to call. */
function createModel() {
  let cached = 0;
  return async (task) => {
    const usage = { in: 400 + 10 * task.length, out: 60, cacheRead: cached, reasoning: 12, costMicros: 900 };
    cached += 200;
    return { text: `${task}: done`, usage };
  };
}

/** One call of the model: a step that tells what it used, and nothing of what was said. */
async function ask(model, task) {
  return await tm.llm('chat', { model: 'large-4', provider: 'northwind' }, async (step) => {
    const { text, usage } = await model(task);
    step.usage({ ...usage, finishReason: 'stop' });
    return text;
  });
}

const search = tm.observe(
  async function search_documents(query) {
    return documents.filter(({ text }) => query.split(' ').some((word) => text.includes(word)));
  },
  { kind: 'retrieval' },
);

/** Another agent: a run of its own inside. */
async function refund(order, model) {
  return await tm.run('refund', { agent: 'refunds' }, async () => {
    await ask(model, 'decide refund');
    return await tm.tool('payment_api', { args: { amount: order.total } }, async (step) => {
      step.output({ refunded: order.total });
      return order.total;
    });
  });
}

/** One ticket, from question to answer. Throws when the order cannot be found. */
export async function handleTicket({ ticket, orderId, user, session }) {
  const model = createModel();
  const lookUp = createOrderService();
  return await tm.run('support ticket', { user, session, labels: { ticket } }, async (run) => {
    tm.memory.recalled();
    const order = await tm.task('find order', async () => {
      await ask(model, 'read ticket');
      return await tm.retry(3, () => tm.tool('order_api', { args: { orderId } }, () => lookUp(orderId)));
    });
    await tm.task('check policy', async (task) => {
      const found = await search('refund within days');
      task.output({ documents: found.length });
      await ask(model, 'compare with policy');
    });
    const refunded = await tm.task('refund order', () => refund(order, model));
    tm.memory.stored();
    tm.log('info', `ticket ${ticket} answered`);
    run.output({ refunded });
    return refunded;
  });
}

if (import.meta.url === `file://${process.argv[1]}`) {
  await handleTicket({ ticket: 'T-1', orderId: 'A-1007', user: 'ada', session: 'chat-1' });
  console.log(await tm.flush());
}

export { tm };
