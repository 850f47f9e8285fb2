import type { Random } from '../core/clock.js';
import type { TidemarkEvent } from '../sdk/event.js';
import type { FleetAgent } from './fleet.js';
import { integerBetween, pick } from './seeded-random.js';

/**
 * What surrounds the work of a fleet: for whom and in which session it is done, with which inputs and for which
 * engagement; what the agents store and recall, log, and find out, and what people say of that. Some agents tell the
 * context of a run when it starts and not again.
 */
export function withContext(random: Random, fleet: readonly FleetAgent[], token: string): FleetAgent[] {
  return fleet.map((agent, index) => {
    const teller = new ContextTeller(random, index, token);
    return { agentId: agent.agentId, nextRun: (nowMs) => teller.tell(agent.nextRun(nowMs)) };
  });
}

const users = ['ann', 'bob', 'cho', 'dana', 'emil', 'fay', 'gus', 'hana'] as const;
const engagements = ['tidewater-audit', 'harbour-migration', 'lighthouse-support'] as const;
const topics = ['tides', 'invoices', 'release 4.2', 'onboarding', 'late shipments', 'capacity'] as const;
interface Pattern {
  readonly type: string;
  readonly evidence: string;
}

const patterns: readonly [Pattern, ...Pattern[]] = [
  { type: 'retry_after_timeout', evidence: 'the second attempt of a search succeeds within 5 s' },
  { type: 'cheaper_model_suffices', evidence: 'the small model answers short tickets as well' },
  { type: 'cache_hit', evidence: 'the same page is fetched three times a run' },
];

/** Runs in one session. */
const sessionRunsMax = 4;
/** Every third agent tells the context at the start alone. */
const terseEvery = 3;
/** What a terse agent leaves out after the start. */
const contextFields = [
  'agent_name',
  'agent_version',
  'flow_id',
  'crew_id',
  'environment',
  'session_id',
  'user_id',
  'name',
] as const;

class ContextTeller {
  readonly #random: Random;
  readonly #index: number;
  readonly #token: string;
  readonly #isTerse: boolean;
  #runs = 0;
  #user: string = users[0];

  constructor(random: Random, index: number, token: string) {
    this.#random = random;
    this.#index = index;
    this.#token = token;
    this.#isTerse = index % terseEvery === 1;
  }

  /** The events of a run, from its start to its end. */
  tell(events: readonly TidemarkEvent[]): TidemarkEvent[] {
    const [start, ...rest] = events;
    const end = rest.pop();
    if (start === undefined || end === undefined) return [...events];
    if (this.#runs % sessionRunsMax === 0) this.#user = pick(this.#random, users);
    const session = Math.floor(this.#runs++ / sessionRunsMax);
    const context = {
      user_id: this.#user,
      session_id: `session-${this.#token}-${this.#index}-${session}`,
      ...(this.#isTerse ? {} : { engagement_id: engagements[this.#index % engagements.length] }),
    };
    const inputs = { topic: pick(this.#random, topics), depth: integerBetween(this.#random, { min: 1, max: 5 }) };
    const isFirst = (event: TidemarkEvent) => event.type === 'run.started' || event.type === 'task.running';
    const told = [start, ...rest, ...this.#sideEvents(start, [...rest, end]), end].map((event) => ({
      ...event,
      ...context,
      ...(isFirst(event) || (!this.#isTerse && /^(run|task)\./.test(event.type)) ? { inputs } : {}),
    }));
    return this.#isTerse ? told.map((event) => (isFirst(event) ? event : withoutContext(event))) : told;
  }

  /** What happens beside the work of a run, before it ends. */
  #sideEvents(start: TidemarkEvent, work: readonly TidemarkEvent[]): TidemarkEvent[] {
    const random = this.#random;
    const { agent_id, run_id, ts, agent_name, agent_version } = start;
    const side: TidemarkEvent[] = [];
    const add = (event: Partial<TidemarkEvent> & { readonly type: TidemarkEvent['type'] }) => {
      const event_id = `${run_id}-x${side.length + 1}`;
      side.push({ event_id, agent_id, run_id, ts, agent_name, agent_version, ...event });
    };
    for (let count = integerBetween(random, { min: 0, max: 3 }); count > 0; count--) add({ type: 'memory.recalled' });
    if (random() < 0.4) add({ type: 'memory.stored' });
    for (const failed of work.filter(({ type }) => type === 'step.failed')) {
      const { task_id, step_id, error_message } = failed;
      add({ type: 'log', task_id, step_id, level: 'warn', message: `${step_id} failed: ${error_message}` });
    }
    const tasks = work.filter(({ type }) => type === 'task.running');
    for (const { task_id, name } of tasks.slice(0, 1)) {
      add({ type: 'log', task_id, level: 'info', message: `${tasks.length} tasks planned, ${name} first` });
    }
    if (random() < 0.1) this.#observe(add);
    return side;
  }

  #observe(add: (event: Partial<TidemarkEvent> & { readonly type: TidemarkEvent['type'] }) => void): void {
    const random = this.#random;
    const ratio = () => Math.round(random() * 1_000) / 1_000;
    const { type, evidence } = pick(random, patterns);
    const pattern_id = `${type}-${this.#token}`;
    add({
      type: 'pattern.observed',
      pattern_id,
      pattern_type: type,
      confidence: ratio(),
      effectiveness: ratio(),
      evidence: [evidence],
    });
    if (random() < 0.5) return;
    const isUseful = random() < 0.7;
    const feedback_text = isUseful ? 'seen it work' : 'does not hold on weekends';
    add({ type: 'pattern.feedback', pattern_id, feedback_score: isUseful ? 1 : 0, feedback_text });
  }
}

function withoutContext(event: TidemarkEvent): TidemarkEvent {
  // The name of a step is its tool or model, which nothing else tells.
  const dropped = contextFields.filter((field) => field !== 'name' || !event.type.startsWith('step.'));
  return Object.fromEntries(
    Object.entries(event).filter(([name]) => !(dropped as readonly string[]).includes(name)),
  ) as TidemarkEvent;
}
