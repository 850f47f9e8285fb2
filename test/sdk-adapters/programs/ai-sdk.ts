import { APICallError, embedMany, generateObject, generateText, streamText, tool } from 'ai';
import { simulateReadableStream } from 'ai/test';
import { z } from 'zod';
import { Embedding, Model, telemetryOf } from './ai-version.js';
import { documented } from './documented.js';
import { type Dealt, perform, type Scene } from './told.js';

type Generated = Awaited<ReturnType<Model['doGenerate']>>;
type Part = Awaited<ReturnType<Model['doStream']>>['stream'] extends ReadableStream<infer P> ? P : never;

const secret = 'the secret of the customer';

/** The numbers of the n-th answer. */
function deal(dealt: Dealt[]): Generated['usage'] {
  const number = dealt.length + 1;
  const told = {
    tokens_in: 100 * number,
    tokens_out: 10 * number,
    tokens_cache_read: 40 * number,
    tokens_cache_write: 3,
    tokens_reasoning: number,
  };
  dealt.push(told);
  const cached = { cacheRead: told.tokens_cache_read, cacheWrite: told.tokens_cache_write };
  return {
    inputTokens: { total: told.tokens_in, noCache: told.tokens_in - 40 * number - 3, ...cached },
    outputTokens: { total: told.tokens_out, text: told.tokens_out - number, reasoning: number },
  };
}

const unavailable = (): Error =>
  new APICallError({ message: 'the model is away', url: 'http://127.0.0.1', requestBodyValues: {}, statusCode: 503 });

/** Asks for each of `calls` in turn, then answers; fails before its first answer as often as told. */
function model({ dealt }: Scene, calls: readonly string[], failures = 0): Model {
  let turn = 0;
  let failing = failures;
  const next = (): Generated['content'][number] => {
    if (failing > 0) {
      failing -= 1;
      throw unavailable();
    }
    const order = calls[turn];
    turn += 1;
    if (order === undefined) return { type: 'text', text: secret };
    const input = JSON.stringify({ order });
    return { type: 'tool-call', toolCallId: `c${turn}`, toolName: 'look_up', input };
  };
  const reason = (content: Generated['content'][number]) => {
    const unified = content.type === 'text' ? ('stop' as const) : ('tool-calls' as const);
    return { finishReason: { unified, raw: unified } };
  };
  const response = { modelId: 'fake-1-dated' };
  return new Model({
    provider: 'fake.chat',
    modelId: 'fake-1',
    doGenerate: async () => {
      const content = next();
      return { content: [content], ...reason(content), usage: deal(dealt), warnings: [], response };
    },
    doStream: async () => {
      const content = next();
      const text: Part[] = [
        { type: 'text-start', id: 't' },
        { type: 'text-delta', id: 't', delta: secret },
        { type: 'text-end', id: 't' },
      ];
      const parts: Part[] = content.type === 'tool-call' ? [content] : text;
      const chunks: Part[] = [
        { type: 'stream-start', warnings: [] },
        { type: 'response-metadata', ...response },
        ...parts,
        { type: 'finish', usage: deal(dealt), ...reason(content) },
      ];
      return { stream: simulateReadableStream({ chunks, chunkDelayInMs: 2 }) };
    },
  });
}

const tools = {
  look_up: tool({
    inputSchema: z.object({ order: z.string() }),
    execute: async ({ order }) => {
      if (order === 'none') throw new Error('no such order');
      return `${secret}: ${order} is shipped`;
    },
  }),
};

const stopWhen = ({ steps }: { readonly steps: readonly unknown[] }): boolean => steps.length === 9;

const telling = ({ tm }: Scene) => telemetryOf(tm, { session: 'chat', user: 'ann' });

function asked(scene: Scene) {
  return { prompt: secret, tools, stopWhen, ...telling(scene)('support') };
}

async function untilThrown(work: PromiseLike<unknown>): Promise<string> {
  try {
    await work;
    return 'nothing thrown';
  } catch (error) {
    return String(error);
  }
}

const shape = z.object({ answer: z.string() });

await perform({
  async documented(scene) {
    await documented({ tm: scene.tm, model: model(scene, []) });
  },
  async tools(scene) {
    return (await generateText({ model: model(scene, ['A-1', 'A-2']), ...asked(scene) })).text;
  },
  async streamed(scene) {
    const text = await streamText({ model: model(scene, ['A-1']), ...asked(scene) }).text;
    // The end of all comes after the text.
    await new Promise((resolve) => setTimeout(resolve, 10));
    return text;
  },
  async failingTool(scene) {
    return (await generateText({ model: model(scene, ['none']), ...asked(scene) })).text;
  },
  async retried(scene) {
    return (await generateText({ model: model(scene, ['A-1'], 1), ...asked(scene) })).text;
  },
  async away(scene) {
    return await untilThrown(generateText({ model: model(scene, [], 9), maxRetries: 1, ...asked(scene) }));
  },
  async streamAway(scene) {
    const result = streamText({
      model: model(scene, [], 9),
      maxRetries: 0,
      onError: () => undefined,
      ...asked(scene),
    });
    return await untilThrown(result.text);
  },
  async aborted(scene) {
    const stop = new AbortController();
    const result = streamText({ model: model(scene, []), abortSignal: stop.signal, ...asked(scene) });
    for await (const part of result.fullStream) if (part.type === 'text-delta') stop.abort();
    // The numbers come with the last part.
    scene.dealt.length = 0;
  },
  async abortedCall(scene) {
    const stop = new AbortController();
    const waiting = new Model({
      modelId: 'slow',
      doGenerate: ({ abortSignal }) =>
        new Promise((_, reject) => {
          abortSignal?.addEventListener('abort', () => reject(abortSignal.reason));
          stop.abort();
        }),
    });
    return await untilThrown(generateText({ model: waiting, abortSignal: stop.signal, ...asked(scene) }));
  },
  async nested(scene) {
    const { tm } = scene;
    const told = telling(scene)('writer');
    const write = tool({
      inputSchema: z.object({ order: z.string() }),
      execute: async ({ order }) => (await generateText({ model: model(scene, []), prompt: order, ...told })).text,
    });
    const outer = { ...asked(scene), tools: { look_up: write } };
    return await tm.run('outer', async () => (await generateText({ model: model(scene, ['A-1']), ...outer })).text);
  },
  async parallel(scene) {
    const told = telling(scene);
    const one = async (number: number) => {
      const own = { ...scene, dealt: [] };
      const named = { prompt: secret, tools, stopWhen, ...told(`run-${number}`) };
      await generateText({ model: model(own, [`A-${number}`]), ...named });
    };
    await Promise.all(Array.from({ length: 20 }, (_, number) => one(number)));
  },
  async object(scene) {
    const answering = new Model({
      provider: 'fake.chat',
      modelId: 'fake-1',
      doGenerate: async () => ({
        content: [{ type: 'text', text: '{"answer":"yes"}' }],
        finishReason: { unified: 'stop', raw: 'stop' },
        usage: deal(scene.dealt),
        warnings: [],
      }),
    });
    return (await generateObject({ model: answering, schema: shape, prompt: secret, ...telling(scene)('shape') }))
      .object;
  },
  async embeddings(scene) {
    const embedding = new Embedding({
      provider: 'fake.embedding',
      modelId: 'fake-e',
      maxEmbeddingsPerCall: 2,
      doEmbed: async ({ values }) => {
        return { embeddings: values.map(() => [1, 2]), usage: { tokens: 7 * values.length }, warnings: [] };
      },
    });
    const { tm } = scene;
    // Two requests of one step: two texts, and one.
    scene.dealt.push({ tokens_in: 21, llm_calls: 2 });
    await tm.task('index', () => embedMany({ model: embedding, values: ['a', 'b', 'c'], ...telling(scene)() }));
  },
});
