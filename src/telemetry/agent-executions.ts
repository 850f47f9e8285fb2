import { durationBucketsMs, type WindowSlice } from '../core/event-batch.js';
import { type ErrorCategory, errorCategories } from '../core/event-types.js';
import type { ExecutionInstruments } from '../core/instruments.js';
import type { MetricDeclaration } from './metric-declaration.js';
import { agentMetrics } from './metrics-reference.js';

/** The agent id under which agents beyond the cap are counted together, per tenant. */
const otherAgentId = '__other__';

/**
 * Counters and duration histograms of each agent since the start. prom-client can neither add a batch that is already
 * counted by bucket nor write 10,000 lines quickly, so the sums are kept here and written as text.
 *
 * The first `agentsMax` agents have series of their own; the others are folded into `otherAgentId` of their tenant. A
 * slot is free again when `forget` is called for its agent. An agent that is shown as another one is folded as well.
 */
export class AgentExecutions implements ExecutionInstruments {
  readonly #agentsMax: number;
  readonly #tenants = new Map<string, Map<string, AgentSums>>();
  readonly #folded = new Set<string>();
  /** Of the agents with series of their own: two ids that are shown alike would be one series twice. */
  readonly #labels = new Set<string>();
  #agents = 0;
  #executionsFolded = 0;

  constructor(options: { readonly agentsMax: number }) {
    this.#agentsMax = options.agentsMax;
  }

  /** Hot path: once a batch and agent. */
  recordExecutions(slice: WindowSlice): void {
    const { completed, failed, cancelled } = slice;
    const executions = completed + failed + cancelled;
    if (executions === 0) return;
    const sums = this.#tenants.get(slice.tenant)?.get(slice.agentId) ?? this.#admit(slice);
    if (sums.agentId === otherAgentId) this.#executionsFolded += executions;
    sums.completed += completed;
    sums.failed += failed;
    sums.cancelled += cancelled;
    const { durationBuckets } = slice;
    if (slice.durations.length > 0) {
      sums.durationSumMs += slice.durationSumMs;
      for (let index = 0; index < durationBuckets.length; index++) sums.buckets[index]! += durationBuckets[index]!;
    }
    for (const category in slice.errors) {
      sums.errors[errorCategories[category as ErrorCategory]]! += slice.errors[category as ErrorCategory] ?? 0;
    }
  }

  isFull(): boolean {
    return this.#agents >= this.#agentsMax;
  }

  foldedAgents(): number {
    return this.#folded.size;
  }

  executionsFolded(): number {
    return this.#executionsFolded;
  }

  /** Agents with series of their own. */
  agents(): AgentKey[] {
    const keys: AgentKey[] = [];
    for (const agents of this.#tenants.values()) {
      for (const { tenant, agentId, labels } of agents.values()) {
        if (agentId !== otherAgentId) keys.push({ tenant, agentId, labels });
      }
    }
    return keys;
  }

  /**
   * Drops the series of an agent. Should it come back, its counters begin at 0, which Prometheus takes as a restart.
   */
  forget(agent: AgentKey): void {
    if (!this.#tenants.get(agent.tenant)?.delete(agent.agentId)) return;
    this.#labels.delete(agent.labels);
    this.#agents--;
  }

  /** The counters and histograms in the text format, every line ended. */
  render(): string {
    let executions = header(agentMetrics.executions);
    let durations = header(agentMetrics.durations);
    let errors = header(agentMetrics.errors);
    for (const agents of this.#tenants.values()) {
      for (const sums of agents.values()) {
        executions += executionLines(sums);
        durations += durationLines(sums);
        errors += errorLines(sums);
      }
    }
    return executions + durations + errors;
  }

  #admit(slice: WindowSlice): AgentSums {
    let agents = this.#tenants.get(slice.tenant);
    if (agents === undefined) {
      agents = new Map();
      this.#tenants.set(slice.tenant, agents);
    }
    const foldedKey = `${slice.tenant}\0${slice.agentId}`;
    const own = this.isFull() || slice.agentId === otherAgentId ? null : new AgentSums(slice.tenant, slice.agentId);
    if (own !== null && !this.#labels.has(own.labels)) {
      this.#agents++;
      this.#folded.delete(foldedKey);
      this.#labels.add(own.labels);
      agents.set(slice.agentId, own);
      return own;
    }
    if (this.#folded.size < foldedAgentsMax) this.#folded.add(foldedKey);
    let other = agents.get(otherAgentId);
    if (other === undefined) {
      other = new AgentSums(slice.tenant, otherAgentId);
      agents.set(otherAgentId, other);
    }
    return other;
  }
}

export interface AgentKey {
  readonly tenant: string;
  readonly agentId: string;
  /** `tenant="…",agent_id="…"`, escaped. */
  readonly labels: string;
}

const foldedAgentsMax = 100_000;
const errorNames = Object.keys(errorCategories);
const bucketLabels = [...durationBucketsMs.map((bound) => String(bound / 1000)), '+Inf'];

class AgentSums implements AgentKey {
  readonly tenant: string;
  readonly agentId: string;
  readonly labels: string;
  completed = 0;
  failed = 0;
  cancelled = 0;
  durationSumMs = 0;
  readonly buckets = new Float64Array(bucketLabels.length);
  readonly errors = new Float64Array(errorNames.length);

  constructor(tenant: string, agentId: string) {
    this.tenant = tenant;
    this.agentId = agentId;
    this.labels = `tenant="${escapeLabel(tenant)}",agent_id="${escapeLabel(agentId)}"`;
  }
}

/** `# HELP` and `# TYPE` of a metric. */
export function header({ name, type, help }: MetricDeclaration): string {
  return `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`;
}

/**
 * A label's value. The format escapes backslash, quote and line feed and knows no other escape, while some parsers also
 * end a line at a carriage return or U+2028: control characters are shown by their pictures (U+240D for that return).
 */
export function escapeLabel(value: string): string {
  const escaped = value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return escaped.replace(/[\p{Cc}\u2028\u2029]/gu, pictureOf);
}

function pictureOf(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '\u2421' : '\ufffd';
}

function executionLines({ labels, completed, failed, cancelled }: AgentSums): string {
  const { name } = agentMetrics.executions;
  return (
    `${name}{${labels},status="completed"} ${completed}\n` +
    `${name}{${labels},status="failed"} ${failed}\n` +
    `${name}{${labels},status="cancelled"} ${cancelled}\n`
  );
}

function durationLines({ labels, buckets, durationSumMs }: AgentSums): string {
  const { name } = agentMetrics.durations;
  let lines = '';
  let below = 0;
  for (let index = 0; index < buckets.length; index++) {
    below += buckets[index]!;
    lines += `${name}_bucket{${labels},le="${bucketLabels[index]}"} ${below}\n`;
  }
  return `${lines}${name}_sum{${labels}} ${durationSumMs / 1000}\n${name}_count{${labels}} ${below}\n`;
}

function errorLines({ labels, errors }: AgentSums): string {
  let lines = '';
  for (let index = 1; index < errors.length; index++) {
    if (errors[index]! === 0) continue;
    lines += `${agentMetrics.errors.name}{${labels},error_category="${errorNames[index]}"} ${errors[index]}\n`;
  }
  return lines;
}
