import { expect, test } from 'vitest';
import { ClockHealth } from '../../src/telemetry/clock-health.js';
import { FakeClock } from '../support/fake-clock.js';

const minuteMs = 60_000;

async function watched() {
  const clock = new FakeClock(Date.UTC(2026, 11, 15, 12));
  const probe = new ClockHealth({ clock });
  await probe.start();
  return { clock, probe };
}

test('a clock that keeps time is healthy however long it runs', async () => {
  const { clock, probe } = await watched();
  clock.advance(3 * 24 * 60 * minuteMs);
  expect(probe.health()).toEqual({
    name: 'clock',
    status: 'healthy',
    reason: null,
    details: { steps: 0, last_step_ms: null, last_step_at: null, drift_since_start_ms: 0, received_ahead_ms: 0 },
  });
});

test.each([
  [3_200, '3.2 s ahead', '12:01:03.200'],
  [-5_000, '5.0 s back', '12:00:55.000'],
])('a step of %i ms is degraded for ten minutes, and remembered after', async (deltaMs, words, at) => {
  const { clock, probe } = await watched();
  clock.advance(minuteMs);
  clock.stepWall(deltaMs);
  const lastStepAt = `2026-12-15T${at}Z`;
  const reason = `the wall clock jumped ${words} at ${lastStepAt}: times of events on either side do not compare`;
  const details = {
    steps: 1,
    last_step_ms: deltaMs,
    last_step_at: lastStepAt,
    drift_since_start_ms: deltaMs,
    received_ahead_ms: 0,
  };
  expect(probe.health()).toEqual({ name: 'clock', status: 'degraded', reason, details });
  clock.advance(10 * minuteMs - 1);
  expect(probe.health().status).toBe('degraded');
  clock.advance(1);
  expect(probe.health()).toEqual({ name: 'clock', status: 'healthy', reason: null, details });
});

test('a step nobody asked about is found by the watch', async () => {
  const { clock, probe } = await watched();
  clock.stepWall(60 * minuteMs);
  clock.advance(10_000);
  clock.stepWall(-60 * minuteMs);
  clock.advance(10_000);
  const { status, details } = probe.health();
  expect(status).toBe('degraded');
  expect(details).toMatchObject({ steps: 2, last_step_ms: -60 * minuteMs, drift_since_start_ms: 0 });
});

test('corrections below a second are no step, until they add up to one', async () => {
  const { clock, probe } = await watched();
  for (let n = 0; n < 9; n++) {
    clock.stepWall(100);
    clock.advance(minuteMs);
  }
  expect(probe.health()).toMatchObject({ status: 'healthy', details: { steps: 0, drift_since_start_ms: 900 } });
  clock.stepWall(100);
  expect(probe.health()).toMatchObject({ status: 'degraded', details: { steps: 1, last_step_ms: 1_000 } });
});

test('a clock that is not set is unhealthy, and says what waits for it', () => {
  const probe = new ClockHealth({ clock: new FakeClock(5_000) });
  expect(probe.health()).toMatchObject({
    status: 'unhealthy',
    reason:
      'the wall clock says 1970-01-01T00:00:05.000Z, and it is 2026-11-01T00:00:00.000Z at least: ' +
      'no event is acknowledged until it is set',
  });
});

test('a clock behind what was received is degraded for as long as that lasts', () => {
  const clock = new FakeClock(Date.UTC(2026, 11, 15, 12));
  const receivedMs = clock.nowMs() + 86_400_000;
  const state = () => ({ isSet: true, receivedMs, aheadMs: receivedMs - clock.nowMs(), earliestMs: 0 });
  const probe = new ClockHealth({ clock, receipt: state });
  clock.advance(20 * minuteMs);
  expect(probe.health()).toMatchObject({
    status: 'degraded',
    reason:
      'the wall clock is 85200.0 s behind what was received before: ' +
      'events are received at 2026-12-16T12:00:00.000Z until it has caught up',
    details: { received_ahead_ms: 85_200_000 },
  });
  clock.advance(86_400_000);
  expect(probe.health().status).toBe('healthy');
});

test('a watch that is stopped leaves no timer behind', async () => {
  const { clock, probe } = await watched();
  expect(clock.pendingTimers()).toBe(1);
  await probe.stop();
  clock.advance(minuteMs);
  expect(clock.pendingTimers()).toBe(0);
});
