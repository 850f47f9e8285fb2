import { Document } from '@langchain/core/documents';
import { BaseChatModel } from '@langchain/core/language_models/chat_models';
import { AIMessage, AIMessageChunk, type BaseMessage, HumanMessage } from '@langchain/core/messages';
import { ChatGenerationChunk, type ChatResult } from '@langchain/core/outputs';
import { BaseRetriever } from '@langchain/core/retrievers';
import { type RunnableConfig, RunnableLambda } from '@langchain/core/runnables';
import { tool } from '@langchain/core/tools';
import { END, interrupt, MemorySaver, MessagesAnnotation, START, StateGraph } from '@langchain/langgraph';
import { TidemarkCallback } from 'tidemark/sdk/langchain';
import { z } from 'zod';
import { documented } from './documented.js';
import { perform, type Scene } from './told.js';

const secret = 'the secret of the customer';

/** Deals out known numbers; the n-th answer has n times as many tokens as the first. */
class Dealer extends BaseChatModel {
  readonly #scene: Scene;
  readonly #turn: (signal: AbortSignal | undefined) => Promise<void>;

  constructor(scene: Scene, turn: (signal: AbortSignal | undefined) => Promise<void> = async () => undefined) {
    super({});
    this.#scene = scene;
    this.#turn = turn;
  }

  _llmType(): string {
    return 'dealer';
  }

  override getLsParams() {
    return { ls_provider: 'fake', ls_model_name: 'fake-1', ls_model_type: 'chat' as const };
  }

  #deal() {
    const number = this.#scene.dealt.length + 1;
    this.#scene.dealt.push({
      tokens_in: 100 * number,
      tokens_out: 10 * number,
      tokens_cache_read: 40 * number,
      tokens_cache_write: 3,
      tokens_reasoning: number,
    });
    return {
      input_tokens: 100 * number,
      output_tokens: 10 * number,
      total_tokens: 110 * number,
      input_token_details: { cache_read: 40 * number, cache_creation: 3 },
      output_token_details: { reasoning: number },
    };
  }

  async _generate(_messages: BaseMessage[], options: this['ParsedCallOptions']): Promise<ChatResult> {
    await this.#turn(options.signal);
    const response_metadata = { finish_reason: 'stop', model_name: 'fake-1-dated' };
    const usage = { usage_metadata: this.#deal() };
    const message = Object.assign(new AIMessage({ content: secret, response_metadata }), usage);
    return { generations: [{ text: secret, message }] };
  }

  override async *_streamResponseChunks(_messages: BaseMessage[], options: this['ParsedCallOptions']) {
    for (const text of [secret, ' and', ' more']) {
      await this.#turn(options.signal);
      yield new ChatGenerationChunk({ text, message: new AIMessageChunk({ content: text }) });
    }
    const response_metadata = { finish_reason: 'stop', model_name: 'fake-1-dated' };
    const usage = { usage_metadata: this.#deal() };
    const message = Object.assign(new AIMessageChunk({ content: '', response_metadata }), usage);
    yield new ChatGenerationChunk({ text: '', message });
  }
}

class Shelf extends BaseRetriever {
  static override lc_name(): string {
    return 'Shelf';
  }
  override lc_namespace = ['tests'];

  override async _getRelevantDocuments(): Promise<Document[]> {
    return [new Document({ pageContent: secret }), new Document({ pageContent: 'sails' })];
  }
}

const lookUp = tool(
  async ({ order }: { readonly order: string }) => {
    if (order === 'none') throw new Error('no such order');
    return `${secret}: ${order} is shipped`;
  },
  { name: 'look_up', description: 'Looks an order up.', schema: z.object({ order: z.string() }) },
);

type State = typeof MessagesAnnotation.State;

function graphOf(scene: Scene, order: string) {
  const model = new Dealer(scene);
  return new StateGraph(MessagesAnnotation)
    .addNode('think', async ({ messages }: State, config: RunnableConfig) => {
      await new Shelf().invoke(secret, config);
      return { messages: [await model.invoke(messages, config)] };
    })
    .addNode('act', async ({ messages }: State, config: RunnableConfig) => {
      await lookUp.invoke({ order }, config);
      return { messages: [await model.invoke(messages, config)] };
    })
    .addEdge(START, 'think')
    .addEdge('think', 'act')
    .addEdge('act', END)
    .compile({ name: 'support' });
}

const asked = () => ({ messages: [new HumanMessage(secret)] });

async function untilThrown(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'nothing thrown';
  } catch (error) {
    return String(error);
  }
}

await perform({
  async documented(scene) {
    await documented({ tm: scene.tm, graph: graphOf(scene, 'A-1'), state: asked() });
  },
  async graph(scene) {
    const callbacks = [new TidemarkCallback(scene.tm, { session: 'chat', user: 'ann' })];
    return (await graphOf(scene, 'A-1').invoke(asked(), { callbacks })).messages.length;
  },
  async streamedGraph(scene) {
    const callbacks = [new TidemarkCallback(scene.tm)];
    let parts = 0;
    const options = { callbacks, streamMode: 'messages' as const };
    for await (const _ of await graphOf(scene, 'A-1').stream(asked(), options)) parts += 1;
    return parts;
  },
  async failing(scene) {
    return await untilThrown(graphOf(scene, 'none').invoke(asked(), { callbacks: [new TidemarkCallback(scene.tm)] }));
  },
  async parallel(scene) {
    const callbacks = [new TidemarkCallback(scene.tm)];
    await scene.tm.run('outer', async () => {
      const one = () => graphOf({ ...scene, dealt: [] }, 'A-1').invoke(asked(), { callbacks });
      await Promise.all(Array.from({ length: 5 }, one));
    });
  },
  async model(scene) {
    const callbacks = [new TidemarkCallback(scene.tm)];
    for await (const _ of await new Dealer(scene).stream('hello', { callbacks }));
    await scene.tm.task('ask', () => new Dealer(scene).invoke(secret, { callbacks }));
  },
  async chain(scene) {
    const shorten = RunnableLambda.from((message: AIMessageChunk) => String(message.content).length);
    const chain = RunnableLambda.from((text: string) => text.trim())
      .pipe(new Dealer(scene))
      .pipe(shorten);
    return await chain.invoke(secret, { callbacks: [new TidemarkCallback(scene.tm)], runName: 'shorten' });
  },
  async retried(scene) {
    let failures = 0;
    const flaky = new Dealer(scene, async () => {
      failures += 1;
      if (failures === 1) throw new Error('the model is away');
    });
    const callbacks = [new TidemarkCallback(scene.tm)];
    await flaky.withRetry({ stopAfterAttempt: 2 }).invoke(secret, { callbacks });
  },
  async aborted(scene) {
    const stop = new AbortController();
    const waiting = new Dealer(scene, (signal) => {
      setTimeout(() => stop.abort(), 5);
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    });
    const chain = RunnableLambda.from(async (text: string, config: RunnableConfig) => waiting.invoke(text, config));
    const callbacks = [new TidemarkCallback(scene.tm)];
    return await untilThrown(chain.invoke(secret, { callbacks, signal: stop.signal, runName: 'slow' }));
  },
  async interrupted(scene) {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode('ask', () => ({ messages: [new AIMessage(String(interrupt(secret)))] }))
      .addEdge(START, 'ask')
      .addEdge('ask', END)
      .compile({ name: 'approval', checkpointer: new MemorySaver() });
    const callbacks = [new TidemarkCallback(scene.tm)];
    await graph.invoke(asked(), { callbacks, configurable: { thread_id: 't' } });
  },
});
