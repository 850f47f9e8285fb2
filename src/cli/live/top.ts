import { holdingClock } from '../../core/clock.js';
import { errorMessage } from '../../core/errors.js';
import { Pause } from '../../core/pause.js';
import { instant } from '../../core/time-text.js';
import { ApiClient } from '../frame/api-client.js';
import type { CollectorAddress } from '../frame/collector-address.js';
import type { CommandContext } from '../frame/command.js';
import { CommandError } from '../frame/command-error.js';
import { type ExitCode, exitCodes } from '../frame/exit-codes.js';
import { type AgentFigures, FleetReader, type WindowName, windowNames } from './agent-figures.js';
import { FullScreen } from './full-screen.js';
import { type TopPage, topLines } from './top-page.js';

interface TopOptions extends CollectorAddress {
  readonly window: WindowName;
  readonly every: number;
  readonly once: boolean;
  readonly json: boolean;
}

/** One page for a program, or for who asks for it; a page that is drawn again and again for a terminal. */
export async function runTop(context: CommandContext, options: TopOptions): Promise<ExitCode> {
  const fleet = new FleetReader({ api: new ApiClient(options), clock: holdingClock });
  const page = async (window: WindowName): Promise<TopPage> => {
    const figures = await fleet.read(window);
    return { fleet: figures, window, at: instant(holdingClock.nowMs()), problem: null };
  };
  const first = await page(options.window);
  const { out } = context;
  if (options.json) {
    out.json({ window: options.window, at: first.at, agents: first.fleet.agents.map(described) });
    return exitCodes.done;
  }
  if (options.once || !out.isTerminal) {
    for (const line of topLines(first, out, Number.POSITIVE_INFINITY)) out.line(line);
    return exitCodes.done;
  }
  return await watch(context, { ...options, first, page });
}

interface Watching extends TopOptions {
  readonly first: TopPage;
  readonly page: (window: WindowName) => Promise<TopPage>;
}

async function watch(context: CommandContext, { first, page, every, window }: Watching): Promise<ExitCode> {
  const signal = context.interruption();
  const pause = new Pause(holdingClock);
  let shown = first;
  let chosen = window;
  const draw = () => screen.draw([...topLines(shown, context.out, screen.rows), keysLine(chosen)]);
  const onKey = (key: string): void => {
    if (key === 'q') pause.end();
    else if (key === 'w') chosen = windowNames[(windowNames.indexOf(chosen) + 1) % windowNames.length] ?? chosen;
    else return;
    pause.wake();
  };
  const screen = new FullScreen(context, { key: onKey, resize: draw });
  signal.addEventListener('abort', () => pause.end(), { once: true });
  screen.enter();
  try {
    while (!pause.hasEnded) {
      draw();
      await pause.wait(every * 1_000);
      if (!pause.hasEnded) shown = await page(chosen).catch((error: unknown) => staleOf(shown, error));
    }
  } finally {
    screen.leave();
  }
  return signal.aborted ? exitCodes.interrupted : exitCodes.done;
}

/** What was there before stays, with why it is not newer. A refusal will not pass. */
function staleOf(shown: TopPage, error: unknown): TopPage {
  if (error instanceof CommandError && error.exitCode === exitCodes.refused) throw error;
  return { ...shown, problem: `not up to date: ${errorMessage(error)}` };
}

function keysLine(window: WindowName): string {
  return `q quits   w takes the next window (${window})`;
}

function described(agent: AgentFigures) {
  return {
    agent_id: agent.agentId,
    last_seen: agent.lastSeen,
    executions_per_second: agent.rate,
    executions: agent.executions,
    failed: agent.failed,
    success_rate: agent.successRate,
    p50_ms: agent.p50Ms,
    p95_ms: agent.p95Ms,
    p99_ms: agent.p99Ms,
    tokens: agent.tokens,
    cost_cents: agent.costCents,
    top_error: agent.topError === '' ? null : agent.topError,
  };
}
