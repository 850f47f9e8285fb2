import { expect, test } from 'vitest';
import type { Logger } from '../../src/core/logger.js';
import { ShownProgress } from '../../src/core/shown-progress.js';
import { createLoggedProgress } from '../../src/telemetry/logged-progress.js';
import { FakeClock } from '../support/fake-clock.js';

function shown(intervalMs: number) {
  const clock = new FakeClock();
  const looks: string[] = [];
  const display = {
    show: ({ what, done, total, elapsedMs, remainingMs }: Parameters<typeof describe>[0], ended: boolean) =>
      void looks.push(`${describe({ what, done, total, elapsedMs, remainingMs })}${ended ? ' end' : ''}`),
  };
  return { clock, looks, progress: new ShownProgress({ clock, display }, intervalMs) };
}

function describe(state: {
  readonly what: string;
  readonly done: number;
  readonly total: number | null;
  readonly elapsedMs: number;
  readonly remainingMs: number | null;
}): string {
  return `${state.what} ${state.done}/${state.total} after ${state.elapsedMs}, ${state.remainingMs} left`;
}

test('work that is over soon is shown by nobody', () => {
  const { clock, looks, progress } = shown(500);
  const task = progress.begin({ what: 'work', unit: 'rows', total: 10 });
  clock.advance(1_999);
  task.advance(10);
  task.end();
  clock.advance(60_000);
  expect(looks).toEqual([]);
});

test('longer work is shown again and again, also while it tells nothing, and once at its end', () => {
  const { clock, looks, progress } = shown(1_000);
  const task = progress.begin({ what: 'work', unit: 'rows', total: null });
  clock.advance(2_000);
  task.advance(10, 40);
  for (let told = 0; told < 100; told++) task.advance(10);
  clock.advance(2_000);
  task.end();
  task.end();
  clock.advance(60_000);
  expect(looks).toEqual([
    'work 0/null after 2000, null left',
    'work 10/40 after 3000, 9000 left',
    'work 10/40 after 4000, 12000 left',
    'work 10/40 after 4000, 12000 left end',
  ]);
});

test('in a log it is a line every ten seconds at most, and one at the end', () => {
  const clock = new FakeClock();
  const lines: object[] = [];
  const info: Logger['info'] = (context, message) => void lines.push({ message, ...context });
  const logger = { debug() {}, warn() {}, error() {}, info };
  const task = createLoggedProgress({ clock, logger }).begin({ what: 'replay', unit: 'events', total: 100 });
  for (let second = 1; second <= 30; second++) {
    task.advance(second);
    clock.advance(1_000);
  }
  task.end();
  expect(lines).toEqual([
    { message: 'replay: it goes on', done: 2, total: 100, unit: 'events', elapsedS: 2, remainingS: 98 },
    { message: 'replay: it goes on', done: 12, total: 100, unit: 'events', elapsedS: 12, remainingS: 88 },
    { message: 'replay: it goes on', done: 22, total: 100, unit: 'events', elapsedS: 22, remainingS: 78 },
    { message: 'replay: it is over', done: 30, total: 100, unit: 'events', elapsedS: 30, remainingS: 70 },
  ]);
});
