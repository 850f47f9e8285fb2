import { expect, test } from 'vitest';
import { countsAgree, renderComparison } from '../../src/cli/demo-report.js';

const rankOf = (durationMs: number): number => durationMs / 404;
const sent = { executions: 200, successRate: 90, p50: 100, p95: 200, p99: 400 };

test('answers agree when both count what was sent; percentiles may differ and are shown with their difference', () => {
  const live = { ...sent, p50: 101, p99: 390 };
  const comparison = { agentId: 'a', sent, live, stored: sent, rankOf };
  expect(countsAgree(comparison)).toBe(true);
  const text = renderComparison([comparison]);
  expect(text).toContain('+1.00%');
  expect(text).toContain('-2.50%');
  expect(text).toContain('equal for 1 of 1 agents');
  expect(text).toContain('live windows:   p50 1.00 %, p95 0.00 %, p99 2.50 %; in rank p50 25.00 points,');
});

test('one execution more or less, or a success rate of other events, is a difference', () => {
  for (const wrong of [{ executions: 199 }, { executions: 201 }, { successRate: 89.5 }, { successRate: null }]) {
    expect(countsAgree({ agentId: 'a', sent, live: { ...sent, ...wrong }, stored: sent, rankOf })).toBe(false);
    const comparison = { agentId: 'a', sent, live: sent, stored: { ...sent, ...wrong }, rankOf };
    expect(countsAgree(comparison)).toBe(false);
    expect(renderComparison([comparison])).toContain('counts differ');
  }
});
