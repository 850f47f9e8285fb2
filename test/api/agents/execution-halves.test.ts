import { expect, test } from 'vitest';
import { type ExecutionHalves, halvesVerdict } from '../../../src/api/agents/execution-halves.js';

function halves(total: number, firstSuccessful: number, secondSuccessful: number, spread = 0): ExecutionHalves {
  return {
    total,
    successful: firstSuccessful + secondSuccessful,
    first: Math.floor(total / 2),
    firstSuccessfulMin: firstSuccessful - spread,
    firstSuccessfulMax: firstSuccessful + spread,
  };
}

test.each([
  ['nothing', 'no_data', halves(0, 0, 0)],
  ['nine executions', 'insufficient_data', halves(9, 0, 5)],
  ['ten that turn from failing to succeeding', 'improving', halves(10, 0, 5)],
  ['ten that turn from succeeding to failing', 'declining', halves(10, 5, 0)],
  ['the same share', 'stable', halves(10, 3, 3)],
  ['exactly five points up', 'stable', halves(200, 90, 95)],
  ['exactly five points up, where fractions would not say so', 'stable', halves(40, 6, 7)],
  ['more than five points up', 'improving', halves(200, 90, 96)],
  ['exactly five points down', 'stable', halves(200, 95, 90)],
  ['more than five points down', 'declining', halves(200, 96, 90)],
  ['eleven, five of which come first', 'improving', halves(11, 4, 6)],
  ['bounds that decide nothing', 'improving', halves(200, 50, 80, 10)],
  ['bounds on both sides of five points', 'insufficient_data', halves(200, 90, 95, 1)],
] as const)('%s is %s', (_, verdict, given) => {
  expect(halvesVerdict(given)).toBe(verdict);
});
