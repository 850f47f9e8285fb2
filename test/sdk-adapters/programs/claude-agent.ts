import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSdkMcpServer, type Options, query, type SDKMessage, tool } from '@anthropic-ai/claude-agent-sdk';
import { observeQuery } from 'tidemark/sdk/claude-agent';
import { z } from 'zod';
import { documented } from './documented.js';
import { type Dealt, perform, type Scene } from './told.js';

const secret = 'the secret of the customer';
const subagentPrompt = 'the task of the subagent';

/** The server's next answers to the agent itself: a tool to call with its arguments, a text, or a status. */
type Answer = { readonly call: string; readonly args: object } | number | null;

interface Asked {
  readonly messages: readonly unknown[];
}

/** The n-th answer; the vendor counts cached tokens beside those of the input. */
function deal({ dealt }: Scene, number: number) {
  const usage = {
    input_tokens: 57 * number,
    cache_read_input_tokens: 40 * number,
    cache_creation_input_tokens: 3 * number,
  };
  const told: Dealt = {
    tokens_in: 100 * number,
    tokens_out: 10 * number,
    tokens_cache_read: 40 * number,
    tokens_cache_write: 3 * number,
  };
  dealt.push(told);
  return { usage, output: 10 * number };
}

function events(scene: Scene, number: number, answer: Exclude<Answer, number>): (readonly [string, object])[] {
  const { usage, output } = deal(scene, number);
  const message = { id: `msg_${number}`, type: 'message', role: 'assistant', model: 'claude-fake-1', content: [] };
  const block =
    answer === null
      ? { type: 'text', text: '' }
      : { type: 'tool_use', id: `toolu_${number}`, name: answer.call, input: {} };
  const delta =
    answer === null
      ? { type: 'text_delta', text: secret }
      : { type: 'input_json_delta', partial_json: JSON.stringify(answer.args) };
  const reason = answer === null ? 'end_turn' : 'tool_use';
  const begun = { ...usage, output_tokens: 1 };
  return [
    ['message_start', { message: { ...message, stop_reason: null, stop_sequence: null, usage: begun } }],
    ['content_block_start', { index: 0, content_block: block }],
    ['content_block_delta', { index: 0, delta }],
    ['content_block_stop', { index: 0 }],
    [
      'message_delta',
      { delta: { stop_reason: reason, stop_sequence: null }, usage: { ...usage, output_tokens: output } },
    ],
    ['message_stop', {}],
  ];
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request) text += String(part);
  return text;
}

/** Speaks as the vendor's server does, on loopback. */
async function serve(scene: Scene, answers: readonly Answer[]): Promise<string> {
  let turn = 0;
  let number = 0;
  const reply = (response: ServerResponse, answer: Answer): void => {
    response.setHeader('connection', 'close');
    if (typeof answer === 'number') {
      response.writeHead(answer, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          type: 'error',
          error: { type: answer === 529 ? 'overloaded_error' : 'invalid_request_error', message: 'the model is away' },
        }),
      );
      return;
    }
    number += 1;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const [type, event] of events(scene, number, answer)) {
      response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...event })}\n\n`);
    }
    response.end();
  };
  const server = createServer(async (request, response) => {
    const asked = JSON.parse(await bodyOf(request)) as Asked;
    const isSubagent = JSON.stringify(asked.messages[0]).includes(subagentPrompt);
    if (isSubagent) reply(response, null);
    else {
      const answer = answers[turn] ?? null;
      turn += 1;
      reply(response, answer);
    }
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  server.unref();
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const lookUp = tool('look_up', 'Looks an order up.', { order: z.string() }, async ({ order }) => {
  if (order === 'none') throw new Error('no such order');
  return { content: [{ type: 'text', text: `${secret}: ${order} is shipped` }] };
});

const home = mkdtempSync(join(tmpdir(), 'tidemark-claude-'));
process.once('exit', () => rmSync(home, { recursive: true, force: true }));

/** Nothing of whoever runs this: no settings, no keys, no network but the server's. */
async function optionsOf(scene: Scene, answers: readonly Answer[], more: Options = {}): Promise<Options> {
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    CLAUDE_CONFIG_DIR: join(home, 'settings'),
    ANTHROPIC_API_KEY: 'k',
    ANTHROPIC_BASE_URL: await serve(scene, answers),
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    ENABLE_TOOL_SEARCH: 'false',
  };
  return {
    env,
    cwd: home,
    model: 'claude-fake-1',
    settingSources: [],
    mcpServers: { shop: createSdkMcpServer({ name: 'shop', version: '1', tools: [lookUp] }) },
    allowedTools: ['mcp__shop__look_up', 'Agent', 'Task'],
    agents: { helper: { description: 'helps', prompt: 'You help.', tools: ['Read'] } },
    ...more,
  };
}

const call = (order: string): Answer => ({ call: 'mcp__shop__look_up', args: { order } });
const delegate: Answer = {
  call: 'Agent',
  args: { description: 'help', prompt: subagentPrompt, subagent_type: 'helper', run_in_background: false },
};

async function follow(scene: Scene, answers: readonly Answer[], more?: Options): Promise<SDKMessage['type'][]> {
  const observed = observeQuery(scene.tm, query, { name: 'support', user: 'ann' });
  const types: SDKMessage['type'][] = [];
  for await (const message of observed({ prompt: secret, options: await optionsOf(scene, answers, more) })) {
    types.push(message.type);
  }
  return types;
}

async function untilThrown(work: Promise<unknown>): Promise<string> {
  try {
    return `nothing thrown: ${JSON.stringify(await work)}`;
  } catch (error) {
    return String(error);
  }
}

await perform({
  async documented(scene) {
    const types: string[] = [];
    const show = ({ type }: SDKMessage): void => void types.push(type);
    await documented({ tm: scene.tm, prompt: secret, options: await optionsOf(scene, []), show });
    return types;
  },
  async tools(scene) {
    return await follow(scene, [call('A-1'), null]);
  },
  async partial(scene) {
    return await follow(scene, [], { includePartialMessages: true });
  },
  async subagent(scene) {
    return await follow(scene, [delegate, null]);
  },
  async inside(scene) {
    await scene.tm.run('outer', async () => await follow(scene, []));
  },
  async failingTool(scene) {
    return await follow(scene, [call('none'), null]);
  },
  async denied(scene) {
    const canUseTool: Options['canUseTool'] = async () => ({ behavior: 'deny', message: 'not today' });
    return await follow(scene, [call('A-1'), null], { canUseTool, allowedTools: [] });
  },
  async retried(scene) {
    return await follow(scene, [529, null]);
  },
  async away(scene) {
    return await untilThrown(follow(scene, Array(9).fill(400)));
  },
  async tooLong(scene) {
    return await untilThrown(follow(scene, [call('A-1'), call('A-2'), null], { maxTurns: 1 }));
  },
  async aborted(scene) {
    const abortController = new AbortController();
    const observed = observeQuery(scene.tm, query, { name: 'support' });
    const options = await optionsOf(scene, [call('A-1'), null], { abortController });
    const work = async () => {
      for await (const { type } of observed({ prompt: secret, options })) if (type === 'user') abortController.abort();
    };
    return await untilThrown(work());
  },
  async left(scene) {
    const observed = observeQuery(scene.tm, query, { name: 'support' });
    for await (const { type } of observed({ prompt: secret, options: await optionsOf(scene, [call('A-1'), null]) })) {
      if (type === 'user') break;
    }
    // The next answer may be under way.
    scene.dealt.length = 1;
  },
  async hooked(scene) {
    const seen: string[] = [];
    const hook = async ({ hook_event_name }: { readonly hook_event_name: string }) => {
      seen.push(hook_event_name);
      return {};
    };
    const observed = observeQuery(scene.tm, query, { name: 'support' });
    const hooks = { PreToolUse: [{ hooks: [hook] }], Stop: [{ hooks: [hook] }] };
    const running = observed({ prompt: secret, options: await optionsOf(scene, [call('A-1'), null], { hooks }) });
    for await (const { type } of running) if (type === 'system') await running.supportedModels();
    return seen;
  },
});
