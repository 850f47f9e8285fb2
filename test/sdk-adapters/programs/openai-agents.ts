import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  Agent,
  addTraceProcessor,
  handoff,
  OpenAIProvider,
  type RunConfig,
  Runner,
  type TracingProcessor,
  tool,
  withTrace,
} from '@openai/agents';
import { TidemarkProcessor } from 'tidemark/sdk/openai-agents';
import { z } from 'zod';
import { documented } from './documented.js';
import { perform, type Scene } from './told.js';

const secret = 'the secret of the customer';

/** The server's next answers: a tool to call with its arguments, a text, or a status. */
type Answer = { readonly call: string; readonly args: object } | number | null;

function deal({ dealt }: Scene) {
  const number = dealt.length + 1;
  dealt.push({
    tokens_in: 100 * number,
    tokens_out: 10 * number,
    tokens_cache_read: 40 * number,
    tokens_reasoning: number,
  });
  return { number, cached: { cached_tokens: 40 * number }, reasoned: { reasoning_tokens: number } };
}

function response(scene: Scene, answer: Exclude<Answer, number>) {
  const { number, cached, reasoned } = deal(scene);
  const text = [{ type: 'output_text', text: secret, annotations: [] }];
  const output =
    answer === null
      ? { type: 'message', id: `m${number}`, role: 'assistant', status: 'completed', content: text }
      : {
          type: 'function_call',
          id: `f${number}`,
          call_id: `c${number}`,
          name: answer.call,
          arguments: JSON.stringify(answer.args),
          status: 'completed',
        };
  return {
    id: `r${number}`,
    object: 'response',
    model: 'fake-1-dated',
    status: 'completed',
    output: [output],
    usage: {
      input_tokens: 100 * number,
      output_tokens: 10 * number,
      total_tokens: 110 * number,
      input_tokens_details: cached,
      output_tokens_details: reasoned,
    },
  };
}

function completion(scene: Scene) {
  const { number, cached, reasoned } = deal(scene);
  return {
    id: `c${number}`,
    object: 'chat.completion',
    created: 1,
    model: 'fake-1-dated',
    choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: secret } }],
    usage: {
      prompt_tokens: 100 * number,
      completion_tokens: 10 * number,
      total_tokens: 110 * number,
      prompt_tokens_details: cached,
      completion_tokens_details: reasoned,
    },
  };
}

function chunks(scene: Scene): object[] {
  const { usage, choices: _, ...whole } = completion(scene);
  const base = { ...whole, object: 'chat.completion.chunk' };
  return [
    { ...base, choices: [{ index: 0, delta: { role: 'assistant', content: secret }, finish_reason: null }] },
    { ...base, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    { ...base, choices: [], usage },
  ];
}

async function bodyOf(request: IncomingMessage): Promise<{ readonly stream?: boolean }> {
  let text = '';
  for await (const part of request) text += String(part);
  return JSON.parse(text) as { readonly stream?: boolean };
}

/** Speaks as the vendor's server does, on loopback. */
async function serve(scene: Scene, answers: readonly Answer[]) {
  let turn = 0;
  const sendEvents = (reply: ServerResponse, events: readonly object[]): void => {
    reply.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of events) reply.write(`data: ${JSON.stringify(event)}\n\n`);
    reply.end('data: [DONE]\n\n');
  };
  const server = createServer(async (request, reply) => {
    const { stream } = await bodyOf(request);
    // Nothing that is kept open keeps the process.
    reply.setHeader('connection', 'close');
    const answer = answers[turn] ?? null;
    turn += 1;
    if (typeof answer === 'number') {
      reply.writeHead(answer, { 'content-type': 'application/json' });
      reply.end('{"error":{"message":"the model is away"}}');
    } else if (request.url?.endsWith('/chat/completions')) {
      if (stream === true) sendEvents(reply, chunks(scene));
      else reply.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(completion(scene)));
    } else {
      const whole = response(scene, answer);
      if (stream === true) sendEvents(reply, [{ type: 'response.completed', sequence_number: 0, response: whole }]);
      else reply.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(whole));
    }
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  server.unref();
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

/** A runner that talks to the server, and a processor for its traces. */
async function runnerOf(
  scene: Scene,
  answers: readonly Answer[],
  config: Partial<RunConfig> & { useResponses?: boolean } = {},
) {
  const { useResponses = true, ...others } = config;
  const baseURL = await serve(scene, answers);
  return new Runner({ modelProvider: new OpenAIProvider({ apiKey: 'k', baseURL, useResponses }), ...others });
}

const lookUp = tool({
  name: 'look_up',
  description: 'Looks an order up.',
  parameters: z.object({ order: z.string() }),
  errorFunction: null,
  execute: async ({ order }) => {
    if (order === 'none') throw new Error('no such order');
    return `${secret}: ${order} is shipped`;
  },
});

const support = () => new Agent({ name: 'support', model: 'fake-1', tools: [lookUp] });
const call = (order: string): Answer => ({ call: 'look_up', args: { order } });

async function untilThrown(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'nothing thrown';
  } catch (error) {
    return String(error);
  }
}

function listen({ tm }: Scene): void {
  addTraceProcessor(new TidemarkProcessor(tm, { user: 'ann' }));
}

await perform({
  async documented(scene) {
    await documented({ tm: scene.tm });
    await (await runnerOf(scene, [])).run(support(), secret);
  },
  async tools(scene) {
    listen(scene);
    const runner = await runnerOf(scene, [call('A-1'), null], { groupId: 'chat' });
    return (await runner.run(support(), secret)).finalOutput;
  },
  async streamed(scene) {
    listen(scene);
    const runner = await runnerOf(scene, [call('A-1'), null]);
    const result = await runner.run(support(), secret, { stream: true });
    for await (const _ of result);
    await result.completed;
    return result.finalOutput;
  },
  async completions(scene) {
    listen(scene);
    const runner = await runnerOf(scene, [], { useResponses: false });
    await withTrace('two', async () => {
      await runner.run(support(), secret);
      const streamed = await runner.run(support(), secret, { stream: true });
      for await (const _ of streamed);
      await streamed.completed;
    });
  },
  async withoutData(scene) {
    listen(scene);
    const runner = await runnerOf(scene, [call('A-1'), null], { traceIncludeSensitiveData: false });
    return (await runner.run(support(), secret)).finalOutput;
  },
  async handedOver(scene) {
    listen(scene);
    const refunds = new Agent({ name: 'refunds', model: 'fake-1', tools: [] });
    const triage = new Agent({ name: 'triage', model: 'fake-1', handoffs: [handoff(refunds)] });
    const runner = await runnerOf(scene, [{ call: 'transfer_to_refunds', args: {} }, null]);
    return (await runner.run(triage, secret)).finalOutput;
  },
  async inside(scene) {
    listen(scene);
    const runner = await runnerOf(scene, []);
    await scene.tm.run('outer', async () => await runner.run(support(), secret));
  },
  async parallel(scene) {
    listen(scene);
    const one = async (number: number) => {
      const runner = await runnerOf({ ...scene, dealt: [] }, [call(`A-${number}`), null], {
        workflowName: `run-${number}`,
      });
      await runner.run(support(), secret);
    };
    await Promise.all(Array.from({ length: 20 }, (_, number) => one(number)));
  },
  async failingTool(scene) {
    listen(scene);
    return await untilThrown((await runnerOf(scene, [call('none'), null])).run(support(), secret));
  },
  async away(scene) {
    listen(scene);
    return await untilThrown((await runnerOf(scene, [400])).run(support(), secret));
  },
  async guarded(scene) {
    listen(scene);
    const guard = { name: 'no politics', execute: async () => ({ tripwireTriggered: true, outputInfo: null }) };
    const agent = new Agent({
      name: 'support',
      model: 'fake-1',
      inputGuardrails: [{ ...guard, runInParallel: false }],
    });
    return await untilThrown((await runnerOf(scene, [])).run(agent, secret));
  },
  async aborted(scene) {
    listen(scene);
    const stop = new AbortController();
    const waiting = tool({
      name: 'wait',
      description: 'Waits.',
      parameters: z.object({}),
      execute: async () => {
        stop.abort();
        await new Promise((resolve) => setTimeout(resolve, 20));
        return 'late';
      },
    });
    const agent = new Agent({ name: 'support', model: 'fake-1', tools: [waiting] });
    const runner = await runnerOf(scene, [{ call: 'wait', args: {} }, null]);
    return await untilThrown(runner.run(agent, secret, { signal: stop.signal }));
  },
  async beside(scene) {
    const seen: string[] = [];
    const other = (name: string): TracingProcessor => ({
      onTraceStart: async () => void seen.push(`${name} trace`),
      onTraceEnd: async () => void seen.push(`${name} end`),
      onSpanStart: async () => undefined,
      onSpanEnd: async () => undefined,
      shutdown: async () => undefined,
      forceFlush: async () => undefined,
    });
    addTraceProcessor(other('before'));
    listen(scene);
    addTraceProcessor(other('after'));
    await (await runnerOf(scene, [])).run(support(), secret);
    return seen;
  },
});
