import { createFleet } from '../src/cli/fleet.js';
import { seededRandom } from '../src/cli/seeded-random.js';
import { terminalTypes } from '../src/core/event-types.js';
import type { TidemarkEvent } from '../src/sdk/event.js';
import { type FrameFormat, FrameTemplate } from './frame-template.js';

export interface PayloadOptions {
  readonly format: FrameFormat;
  readonly agents: number;
  readonly eventsPerFrame: number;
  readonly templates: number;
  /** Names one load; with the connection it makes ids unique. */
  readonly token: string;
  readonly connection: number;
  /** Part of the agents' names; without it all loads send for the same agents. */
  readonly fleet?: string;
}

/** Templates of one connection: terminal events of a fleet, 22 fields each, no two templates alike. */
export function createTemplates(options: PayloadOptions): FrameTemplate[] {
  const events = terminalEvents(options.agents, {
    seed: options.connection + 1,
    count: options.templates * options.eventsPerFrame,
    fleet: options.fleet,
  });
  const tag = `${options.token}${String(options.connection).padStart(3, '0')}`;
  return Array.from({ length: options.templates }, (_, index) => {
    const start = index * options.eventsPerFrame;
    return new FrameTemplate(events.slice(start, start + options.eventsPerFrame), options.format, tag);
  });
}

/** Terminal events in the order of a fleet's runs, cut to the fields an agent without extras would send. */
export function terminalEvents(
  agents: number,
  options: { readonly seed: number; readonly count: number; readonly fleet?: string | undefined },
): TidemarkEvent[] {
  const random = seededRandom(options.seed);
  const fleet = createFleet(random, { agents, token: options.fleet ?? 'bench' });
  const events: TidemarkEvent[] = [];
  while (events.length < options.count) {
    const agent = fleet[Math.floor(random() * fleet.length)];
    for (const event of agent?.nextRun(1_700_000_000_000) ?? []) {
      if (!isTerminal(event)) continue;
      events.push(withoutExtras(event));
    }
  }
  return events.slice(0, options.count);
}

function withoutExtras(event: TidemarkEvent): TidemarkEvent {
  const { agent_name: _name, flow_id: _flow, outputs: _outputs, ...told } = event;
  const { environment: _environment, model: _model, provider: _provider, args_hash: _args, ...used } = told;
  const { finish_reason: _reason, tokens_cache_read: _read, tokens_reasoning: _reasoning, ...kept } = used;
  return kept;
}

function isTerminal(event: TidemarkEvent): boolean {
  return (terminalTypes as readonly string[]).includes(event.type);
}
