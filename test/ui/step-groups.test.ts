import { describe, expect, test } from 'vitest';
import { stepGroups, taskUsage } from '../../src/ui/pages/tasks/step-groups.js';

type Step = Parameters<typeof stepGroups>[0][number];
type Task = Parameters<typeof taskUsage>[0];

function step(fields: Partial<Step>): Step {
  return {
    step_id: 's',
    attempt: 1,
    status: 'completed',
    started_at: '2026-11-26T10:00:00.000Z',
    ended_at: '2026-11-26T10:00:01.000Z',
    duration_ms: 1_000,
    llm_calls: 1,
    tokens: { in: 90, out: 10, total: 100 },
    cost_cents: null,
    tokens_unpriced: 100,
    usage_scope: 'own',
    ...fields,
  } as unknown as Step;
}

describe('steps of a task', () => {
  test('attempts of a step are one, in the order of their first start, and the last tells the outcome', () => {
    const groups = stepGroups([
      step({ step_id: 'a', attempt: 1, status: 'failed' }),
      step({ step_id: 'b', attempt: null }),
      step({ step_id: 'a', attempt: 2, ended_at: '2026-11-26T10:00:09.000Z' }),
    ]);
    expect(groups.map(({ step_id: id, attempts, last, tookMs }) => [id, attempts.length, last.status, tookMs])).toEqual(
      [
        ['a', 2, 'completed', 9_000],
        ['b', 1, 'completed', 1_000],
      ],
    );
  });

  test('an attempt of which no end is known leaves open how long all of them took', () => {
    const [group] = stepGroups([step({ attempt: 1 }), step({ attempt: 2, ended_at: null, duration_ms: null })]);
    expect(group?.tookMs).toBeNull();
  });

  test('usage is added up; what is not known of the cost stays unknown', () => {
    const [priced] = stepGroups([step({ cost_cents: 2, tokens_unpriced: 0 }), step({ attempt: 2 })]);
    expect(priced?.usage).toEqual({
      tokens: { in: 180, out: 20, total: 200 },
      costCents: 2,
      tokensUnpriced: 100,
      llmCalls: 2,
    });
    expect(stepGroups([step({})])[0]?.usage.costCents).toBeNull();
  });

  test('a sum of what is below is told of a step that has no other, and is never added to a task', () => {
    const sum = step({ usage_scope: 'rolled_up', tokens: { in: 500, out: 0, total: 500 } });
    expect(stepGroups([sum])[0]?.usage.tokens.total).toBe(500);
    expect(stepGroups([sum, step({ attempt: 2 })])[0]?.usage.tokens.total).toBe(100);
    const task = { attempts: [sum], steps: [step({}), sum] } as unknown as Task;
    expect(taskUsage(task).tokens.total).toBe(100);
  });

  test('a task whose attempts are gone is told by what is kept of it', () => {
    expect(taskUsage({ ...step({}), attempts: [], steps: [] } as unknown as Task).tokens.total).toBe(100);
  });
});
