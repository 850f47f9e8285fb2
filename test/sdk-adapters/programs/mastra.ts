import { Mastra } from '@mastra/core';
import { Agent } from '@mastra/core/agent';
import { createTool } from '@mastra/core/tools';
import { createStep, createWorkflow } from '@mastra/core/workflows';
import { Observability } from '@mastra/observability';
import { MockLanguageModelV3, simulateReadableStream } from 'ai/test';
import { TidemarkExporter } from 'tidemark/sdk/mastra';
import { z } from 'zod';
import { documented } from './documented.js';
import { perform, type Scene } from './told.js';

const secret = 'the secret of the customer';

type Part = Awaited<ReturnType<MockLanguageModelV3['doStream']>>['stream'] extends ReadableStream<infer P> ? P : never;

function usage({ dealt }: Scene) {
  const number = dealt.length + 1;
  const cached = { cacheRead: 40 * number, cacheWrite: 3 };
  dealt.push({
    tokens_in: 100 * number,
    tokens_out: 10 * number,
    tokens_cache_read: cached.cacheRead,
    tokens_cache_write: cached.cacheWrite,
    tokens_reasoning: number,
  });
  return {
    inputTokens: { total: 100 * number, noCache: 60 * number - 3, ...cached },
    outputTokens: { total: 10 * number, text: 9 * number, reasoning: number },
  };
}

/** Asks for each of `calls` in turn, then answers; null: throws. */
function model(scene: Scene, calls: readonly string[] | null) {
  let turn = 0;
  const next = () => {
    if (calls === null) throw new Error('the model is away');
    const order = calls[turn];
    turn += 1;
    const unified = order === undefined ? ('stop' as const) : ('tool-calls' as const);
    const input = JSON.stringify({ order });
    const asked = { type: 'tool-call' as const, toolCallId: `c${turn}`, toolName: 'look_up', input };
    const content = order === undefined ? { type: 'text' as const, text: secret } : asked;
    return { content, usage: usage(scene), finishReason: { unified, raw: unified } };
  };
  const response = { modelId: 'fake-1-dated' };
  return new MockLanguageModelV3({
    provider: 'fake.chat',
    modelId: 'fake-1',
    doGenerate: async () => {
      const { content, ...end } = next();
      return { content: [content], ...end, warnings: [], response };
    },
    doStream: async () => {
      const { content, ...end } = next();
      const text: Part[] = [
        { type: 'text-start', id: 't' },
        { type: 'text-delta', id: 't', delta: secret },
        { type: 'text-end', id: 't' },
      ];
      const chunks: Part[] = [
        { type: 'stream-start', warnings: [] },
        { type: 'response-metadata', ...response },
        ...(content.type === 'text' ? text : [content]),
        { type: 'finish', ...end },
      ];
      return { stream: simulateReadableStream({ chunks }) };
    },
  });
}

const lookUp = createTool({
  id: 'look_up',
  description: 'Looks an order up.',
  inputSchema: z.object({ order: z.string() }),
  execute: async ({ order }) => {
    if (order === 'none') throw new Error('no such order');
    return { text: `${secret}: ${order} is shipped` };
  },
});

function agentOf(scene: Scene, calls: readonly string[] | null) {
  return new Agent({
    id: 'support',
    name: 'support',
    instructions: secret,
    model: model(scene, calls),
    tools: { look_up: lookUp },
    maxRetries: 0,
  });
}

function mastraOf({ tm }: Scene, agent: Agent) {
  const exporters = [new TidemarkExporter(tm, { session: 'chat', user: 'ann' })];
  const observability = new Observability({ configs: { default: { serviceName: 'shop', exporters } } });
  return new Mastra({ agents: { support: agent }, logger: false, observability });
}

const supportOf = (scene: Scene, calls: readonly string[] | null) =>
  mastraOf(scene, agentOf(scene, calls)).getAgent('support');

async function untilThrown(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'nothing thrown';
  } catch (error) {
    return String(error);
  }
}

const later = () => new Promise((resolve) => setTimeout(resolve, 20));

await perform({
  async documented(scene) {
    await documented({ tm: scene.tm, support: agentOf(scene, []) });
    await later();
  },
  async generated(scene) {
    const { text } = await supportOf(scene, ['A-1', 'A-2']).generate(secret);
    await later();
    return text;
  },
  async streamed(scene) {
    const { textStream } = await supportOf(scene, ['A-1']).stream(secret);
    let text = '';
    for await (const part of textStream) text += part;
    await later();
    return text;
  },
  async inside(scene) {
    await scene.tm.run('outer', async () => await supportOf(scene, []).generate(secret));
    await later();
  },
  async workflow(scene) {
    const agent = agentOf(scene, []);
    const ask = createStep({
      id: 'ask',
      inputSchema: z.object({ order: z.string() }),
      outputSchema: z.object({ text: z.string() }),
      execute: async ({ mastra, tracingContext }) => {
        const { text } = await mastra
          .getAgent('support')
          .generate(secret, tracingContext === undefined ? {} : { tracingContext });
        return { text };
      },
    });
    const shape = { inputSchema: z.object({ order: z.string() }), outputSchema: z.object({ text: z.string() }) };
    const workflow = createWorkflow({ id: 'nightly', ...shape })
      .then(ask)
      .commit();
    const exporters = [new TidemarkExporter(scene.tm)];
    const observability = new Observability({ configs: { default: { serviceName: 'shop', exporters } } });
    const mastra = new Mastra({ agents: { support: agent }, workflows: { workflow }, logger: false, observability });
    const run = await mastra.getWorkflow('workflow').createRun();
    const { status } = await run.start({ inputData: { order: 'A-1' } });
    await later();
    return status;
  },
  async parallel(scene) {
    const one = (number: number) => supportOf({ ...scene, dealt: [] }, [`A-${number}`]).generate(secret);
    await Promise.all(Array.from({ length: 20 }, (_, number) => one(number)));
    await later();
  },
  async failingTool(scene) {
    const { text } = await supportOf(scene, ['none']).generate(secret);
    await later();
    return text;
  },
  async away(scene) {
    const thrown = await untilThrown(supportOf(scene, null).generate(secret));
    await later();
    return thrown;
  },
  async aborted(scene) {
    const stop = new AbortController();
    const { fullStream } = await supportOf(scene, []).stream(secret, { abortSignal: stop.signal });
    for await (const { type } of fullStream) if (type === 'text-delta') stop.abort();
    scene.dealt.length = 0;
    await later();
  },
});
