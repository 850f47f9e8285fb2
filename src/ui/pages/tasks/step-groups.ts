import type { Answers } from '../../api/client.js';

type StepAttempt = Answers['StepAttempt'];

/** What was used, and what of it has no price. */
export interface UsageSum {
  readonly tokens: StepAttempt['tokens'];
  /** US cents; null where nobody reported a cost. */
  readonly costCents: number | null;
  readonly tokensUnpriced: number;
  readonly llmCalls: number;
}

type UsagePart = Pick<StepAttempt, 'tokens' | 'cost_cents' | 'tokens_unpriced' | 'llm_calls'>;

function usageSum(parts: readonly UsagePart[]): UsageSum {
  const costs = parts.flatMap(({ cost_cents: cents }) => (cents === null ? [] : [cents]));
  const sum = (of: (part: UsagePart) => number) => parts.reduce((total, part) => total + of(part), 0);
  return {
    tokens: {
      in: sum(({ tokens }) => tokens.in),
      out: sum(({ tokens }) => tokens.out),
      total: sum(({ tokens }) => tokens.total),
    },
    costCents: costs.length === 0 ? null : costs.reduce((total, cents) => total + cents, 0),
    tokensUnpriced: sum(({ tokens_unpriced: tokens }) => tokens),
    llmCalls: sum(({ llm_calls: calls }) => calls),
  };
}

/** A task and its steps; what is reported as the sum of what is below is in it already. */
export function taskUsage(task: Answers['Task']): UsageSum {
  // Attempts are kept less long than the task.
  if (task.attempts.length === 0 && task.steps.length === 0) return usageSum([task]);
  return usageSum([...task.attempts, ...task.steps].filter(({ usage_scope: scope }) => scope === 'own'));
}

/** A step with its attempts, which are one line of the page. */
export interface StepGroup {
  readonly step_id: string;
  /** In the order of their start; at least one. */
  readonly attempts: readonly StepAttempt[];
  readonly last: StepAttempt;
  /** From the first start to the last end; null when one of them is not known. */
  readonly tookMs: number | null;
  readonly usage: UsageSum;
}

/** Steps in the order in which they began. Usage that sums up what is below is told only where there is no other. */
export function stepGroups(steps: readonly StepAttempt[]): readonly StepGroup[] {
  const byId = new Map<string, StepAttempt[]>();
  for (const step of steps) {
    const attempts = byId.get(step.step_id);
    if (attempts === undefined) byId.set(step.step_id, [step]);
    else attempts.push(step);
  }
  return [...byId].map(([step_id, attempts]) => groupOf(step_id, attempts));
}

function groupOf(stepId: string, attempts: readonly StepAttempt[]): StepGroup {
  const last = attempts.reduce((latest, one) => ((one.attempt ?? 1) >= (latest.attempt ?? 1) ? one : latest));
  const own = attempts.filter(({ usage_scope: scope }) => scope === 'own');
  return {
    step_id: stepId,
    attempts,
    last,
    tookMs: attempts.length === 1 ? last.duration_ms : spanOf(attempts),
    usage: usageSum(own.length === 0 ? attempts : own),
  };
}

function spanOf(attempts: readonly StepAttempt[]): number | null {
  const starts = attempts.map(({ started_at: at }) => Date.parse(at ?? ''));
  const ends = attempts.map(({ ended_at: at }) => Date.parse(at ?? ''));
  const ms = Math.max(...ends) - Math.min(...starts);
  return Number.isNaN(ms) ? null : ms;
}
