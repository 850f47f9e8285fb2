import type { Random } from '../core/clock.js';
import type { ErrorCategory } from '../core/event-types.js';
import type { TidemarkEvent } from '../sdk/event.js';
import { integerBetween, logNormal, pareto, pick } from './seeded-random.js';

/**
 * A made-up fleet of agents whose telemetry has the shapes of a real one: runs with tasks, tasks with steps,
 * retries as steps of their own, log-normal and heavy-tailed durations, failures with categories and codes,
 * usage `own` on steps and `rolled_up` on tasks and runs.
 */
export interface FleetAgent {
  readonly agentId: string;
  /** All events of one run, in the order in which they happen; times end at `nowMs`. */
  nextRun(nowMs: number): TidemarkEvent[];
}

export interface FleetOptions {
  readonly agents: number;
  /** Part of every id, so that two fleets with one seed do not meet in the store. */
  readonly token: string;
}

/** The same seed gives the same fleet and, for the same calls, the same events. */
export function createFleet(random: Random, options: FleetOptions): FleetAgent[] {
  return Array.from({ length: options.agents }, (_, index) => {
    const profile = createProfile(random, index, options.token);
    let runs = 0;
    return {
      agentId: profile.agentId,
      nextRun(nowMs) {
        runs += 1;
        return new RunWriter(random, profile, { runId: `run-${options.token}-${index}-${runs}`, nowMs }).write();
      },
    };
  });
}

interface Profile {
  readonly agentId: string;
  readonly agentName: string;
  readonly agentVersion: string;
  readonly crewId: string;
  readonly flowId: string;
  readonly model: Model;
  readonly environment: string;
  readonly taskNames: readonly [string, ...string[]];
  readonly tools: readonly [string, ...string[]];
  readonly durationMs: () => number;
  readonly stepFailureRate: number;
  readonly attemptsMax: number;
  readonly confidence: number;
}

interface Model {
  readonly name: string;
  readonly provider: string;
  /** Millionths of a dollar for a thousand tokens. */
  readonly microsIn: number;
  readonly microsOut: number;
  readonly reasons: boolean;
}

const models: readonly [Model, ...Model[]] = [
  { name: 'large-4', provider: 'northwind', microsIn: 3_000, microsOut: 15_000, reasons: true },
  { name: 'medium-4', provider: 'northwind', microsIn: 800, microsOut: 4_000, reasons: false },
  { name: 'small-4', provider: 'lighthouse', microsIn: 150, microsOut: 600, reasons: false },
];

interface Role {
  readonly name: string;
  readonly tasks: readonly [string, ...string[]];
  readonly tools: readonly [string, ...string[]];
}

const roles: readonly [Role, ...Role[]] = [
  { name: 'research', tasks: ['find_sources', 'compare_claims', 'summarize'], tools: ['web_search', 'fetch_page'] },
  { name: 'support', tasks: ['classify_ticket', 'draft_reply', 'refund_check'], tools: ['crm_lookup', 'order_api'] },
  { name: 'coder', tasks: ['plan_change', 'edit_files', 'run_tests'], tools: ['shell', 'read_file', 'apply_patch'] },
  { name: 'extractor', tasks: ['parse_invoice', 'extract_entities'], tools: ['ocr', 'schema_check'] },
  { name: 'analyst', tasks: ['build_query', 'explain_result', 'chart'], tools: ['sql', 'plot'] },
  { name: 'scheduler', tasks: ['find_slot', 'send_invites'], tools: ['calendar', 'mail'] },
];

const failures: readonly [Failure, ...Failure[]] = [
  { category: 'tool', code: 'tool_timeout', message: 'no answer within 30 s' },
  { category: 'tool', code: 'http_502', message: 'upstream answered 502' },
  { category: 'model', code: 'rate_limited', message: 'the model refused: too many requests' },
  { category: 'model', code: 'context_overflow', message: 'the conversation is longer than the model allows' },
  { category: 'retrieval', code: 'no_documents', message: 'the index returned nothing for the query' },
  { category: 'orchestration', code: 'loop_detected', message: 'the same step was planned three times' },
  { category: 'infra', code: 'out_of_memory', message: 'the worker was restarted' },
  { category: 'guardrail', code: 'policy_block', message: 'the answer was blocked by a policy' },
  { category: 'user', code: 'approval_denied', message: 'the person said no' },
];

interface Failure {
  readonly category: ErrorCategory;
  readonly code: string;
  readonly message: string;
}

/** Longer tasks than this would be cut by any agent's own deadline. */
const taskMsMax = 3_600_000;

function createProfile(random: Random, index: number, token: string): Profile {
  const role = roles[index % roles.length] ?? roles[0];
  const number = String(Math.floor(index / roles.length) + 1).padStart(2, '0');
  // Every third agent is heavy-tailed, alpha from 1.2 to 2; the others are log-normal.
  const tail = { min: 200 + random() * 1_800, alpha: 1.2 + random() * 0.8 };
  const bell = { median: 500 + random() * 8_000, sigma: 0.4 + random() * 0.6 };
  const draw = index % 3 === 2 ? () => pareto(random, tail) : () => logNormal(random, bell);
  return {
    agentId: `${role.name}-${number}-${token}`,
    agentName: `${role.name} ${number}`,
    agentVersion: `2.${index % 4}.${integerBetween(random, { min: 0, max: 9 })}`,
    crewId: `crew-${index % 7}`,
    flowId: `flow-${role.name}`,
    model: pick(random, models),
    environment: index % 5 === 4 ? 'staging' : 'production',
    taskNames: role.tasks,
    tools: role.tools,
    durationMs: () => Math.round(Math.min(taskMsMax, draw()) * 1_000) / 1_000,
    stepFailureRate: 0.02 + random() * 0.18,
    attemptsMax: 2 + (index % 2),
    confidence: 0.7 + random() * 0.25,
  };
}

interface Usage {
  llmCalls: number;
  tokensIn: number;
  tokensOut: number;
  /** Parts of the two. */
  tokensCacheRead: number;
  tokensReasoning: number;
  costMicros: number;
}

const noUsage = (): Usage => ({
  llmCalls: 0,
  tokensIn: 0,
  tokensOut: 0,
  tokensCacheRead: 0,
  tokensReasoning: 0,
  costMicros: 0,
});

class RunWriter {
  readonly #random: Random;
  readonly #profile: Profile;
  readonly #runId: string;
  readonly #nowMs: number;
  readonly #events: TidemarkEvent[] = [];
  readonly #base: Partial<TidemarkEvent>;

  constructor(random: Random, profile: Profile, run: { readonly runId: string; readonly nowMs: number }) {
    this.#random = random;
    this.#profile = profile;
    this.#runId = run.runId;
    this.#nowMs = run.nowMs;
    this.#base = {
      agent_name: profile.agentName,
      agent_version: profile.agentVersion,
      run_id: run.runId,
      flow_id: profile.flowId,
      crew_id: profile.crewId,
      environment: profile.environment,
      session_id: `session-${run.runId.slice(4)}`,
    };
  }

  write(): TidemarkEvent[] {
    this.#add({ type: 'run.started', name: this.#profile.flowId, started_at: this.#nowMs });
    const usage = noUsage();
    const tasks = integerBetween(this.#random, { min: 1, max: 3 });
    let durationMs = 0;
    let failure: Failure | null = null;
    for (let index = 1; index <= tasks && failure === null; index += 1) {
      const task = this.#writeTask(`${this.#runId}-t${index}`);
      addUsage(usage, task.usage);
      durationMs += task.durationMs;
      failure = task.failure;
    }
    this.#addTerminal('run', failure, { name: this.#profile.flowId, usage_scope: 'rolled_up' }, durationMs, usage);
    return this.#events;
  }

  #writeTask(taskId: string): { readonly usage: Usage; readonly durationMs: number; readonly failure: Failure | null } {
    const durationMs = this.#profile.durationMs();
    const name = pick(this.#random, this.#profile.taskNames);
    const { name: model, provider } = this.#profile.model;
    const identity = { task_id: taskId, parent_id: this.#runId, name, model, provider };
    this.#add({ type: 'task.running', ...identity, started_at: this.#nowMs - Math.round(durationMs) });
    const usage = noUsage();
    const steps = integerBetween(this.#random, { min: 1, max: 4 });
    let failure: Failure | null = null;
    for (let index = 1; index <= steps && failure === null; index += 1) {
      failure = this.#writeStep(taskId, `${taskId}-s${index}`, durationMs / steps, usage);
    }
    const quality = {
      memory_mb: Math.round(80 + this.#random() * 400),
      confidence: Math.round((this.#profile.confidence - 0.2 * this.#random()) * 1_000) / 1_000,
      usage_scope: 'rolled_up' as const,
      attempt: 1,
      outputs: { items: integerBetween(this.#random, { min: 0, max: 40 }), cached: this.#random() < 0.2 },
    };
    this.#addTerminal('task', failure, { ...identity, ...quality }, durationMs, usage);
    return { usage, durationMs, failure };
  }

  /** A step and its retries; the failure of the last attempt, when none succeeded. */
  #writeStep(taskId: string, stepId: string, budgetMs: number, usage: Usage): Failure | null {
    const isModel = this.#random() < 0.6;
    const kind = isModel ? 'llm' : this.#random() < 0.7 ? 'tool' : 'retrieval';
    const name = isModel ? this.#profile.model.name : pick(this.#random, this.#profile.tools);
    const argsHash = hashOf(`${name} ${integerBetween(this.#random, { min: 1, max: 20 })}`);
    let failure: Failure | null = null;
    for (let attempt = 1; attempt <= this.#profile.attemptsMax; attempt += 1) {
      failure = this.#random() < this.#profile.stepFailureRate ? pick(this.#random, failures) : null;
      const own = isModel ? this.#modelUsage() : noUsage();
      addUsage(usage, own);
      const step = { task_id: taskId, step_id: `${stepId}.${attempt}`, parent_id: taskId, name, attempt };
      const used = isModel ? this.#modelAnswer(failure) : { args_hash: argsHash };
      const durationMs = Math.round(budgetMs * (0.2 + 0.6 * this.#random()) * 1_000) / 1_000;
      this.#addTerminal('step', failure, { ...step, ...used, step_kind: kind, usage_scope: 'own' }, durationMs, own);
      if (failure === null) return null;
    }
    return failure;
  }

  #modelUsage(): Usage {
    const { microsIn, microsOut, reasons } = this.#profile.model;
    const tokensIn = Math.round(logNormal(this.#random, { median: 1_800, sigma: 0.9 }));
    const tokensOut = Math.round(logNormal(this.#random, { median: 320, sigma: 0.8 }));
    const costMicros = Math.round((tokensIn * microsIn + tokensOut * microsOut) / 1_000);
    const tokensCacheRead = this.#random() < 0.5 ? Math.floor(0.6 * tokensIn) : 0;
    const tokensReasoning = reasons ? Math.floor(0.3 * tokensOut) : 0;
    return { llmCalls: 1, tokensIn, tokensOut, tokensCacheRead, tokensReasoning, costMicros };
  }

  #modelAnswer(failure: Failure | null): Partial<TidemarkEvent> {
    const { name: model, provider } = this.#profile.model;
    const reason = failure !== null ? {} : { finish_reason: this.#random() < 0.05 ? 'length' : 'stop' };
    return { model, provider, ...reason };
  }

  #addTerminal(
    subject: 'run' | 'task' | 'step',
    failure: Failure | null,
    fields: Partial<TidemarkEvent>,
    durationMs: number,
    usage: Usage,
  ): void {
    const isCancelled = failure?.category === 'user' && subject !== 'step';
    const outcome = failure === null ? 'completed' : isCancelled ? 'cancelled' : 'failed';
    const error = failure !== null && {
      error_category: failure.category,
      error_code: failure.code,
      error_message: failure.message,
    };
    this.#add({
      type: `${subject}.${outcome}` as TidemarkEvent['type'],
      ...fields,
      started_at: this.#nowMs - Math.round(durationMs),
      ended_at: this.#nowMs,
      duration_ms: durationMs,
      llm_calls: usage.llmCalls,
      tokens_in: usage.tokensIn,
      tokens_out: usage.tokensOut,
      tokens_cache_read: usage.tokensCacheRead,
      tokens_reasoning: usage.tokensReasoning,
      cost_micros: usage.costMicros,
      ...(error === false ? {} : error),
    });
  }

  #add(event: Partial<TidemarkEvent> & { readonly type: TidemarkEvent['type'] }): void {
    const eventId = `${this.#runId}-e${this.#events.length + 1}`;
    this.#events.push({ event_id: eventId, agent_id: this.#profile.agentId, ts: this.#nowMs, ...this.#base, ...event });
  }
}

function addUsage(sum: Usage, part: Usage): void {
  sum.llmCalls += part.llmCalls;
  sum.tokensIn += part.tokensIn;
  sum.tokensOut += part.tokensOut;
  sum.tokensCacheRead += part.tokensCacheRead;
  sum.tokensReasoning += part.tokensReasoning;
  sum.costMicros += part.costMicros;
}

/** Two 32-bit FNV-1a hashes beside each other: the fleet runs in k6 too, which has no crypto of Node. */
function hashOf(args: string): string {
  return [0x811c_9dc5, 0x9e37_79b9]
    .map((basis) => {
      let hash = basis;
      for (const letter of args) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x0100_0193);
      return (hash >>> 0).toString(16).padStart(8, '0');
    })
    .join('');
}
