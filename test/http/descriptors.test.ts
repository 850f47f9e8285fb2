import { expect, test } from 'vitest';
import { affordableGuests } from '../../src/clickhouse/embedded/front/guest-connections.js';
import { type OpenFiles, readOpenFiles } from '../../src/core/open-files.js';
import { type ConnectionBudget, connectionBudget } from '../../src/http/descriptors.js';

/** Of WebSockets with three files each, where nothing else is said. */
function budget(asked: number, open: OpenFiles | null, filesOfWebSocket = 3): ConnectionBudget {
  return connectionBudget({ asked, filesOfWebSocket }, open);
}

test('WebSockets are as many as asked, or a third of the open files left beside what the collector needs', () => {
  expect(budget(50_000, null)).toEqual({ webSocketsMax: 50_000, filesMax: Number.POSITIVE_INFINITY });
  const webSockets = (asked: number, limit: number) => budget(asked, { limit, used: 60 }).webSocketsMax;
  expect(webSockets(50_000, 1_048_576)).toBe(50_000);
  expect(webSockets(50_000, 4_096)).toBe(Math.floor((4_096 - 60 - 64 - 512) / 3));
  expect(webSockets(50_000, 300)).toBe(Math.floor((300 - 60 - 64 - 37) / 3));
  expect(webSockets(100, 1_000)).toBe(100);
  expect(webSockets(3, 160)).toBe(3);
  expect(budget(50_000, { limit: 300, used: 60 }, 1).webSocketsMax).toBe(300 - 60 - 64 - 37);
  expect(budget(100, { limit: 1_000, used: 60 }).filesMax).toBe(1_000 - 60 - 64);
});

test('too few open files for any connection to speak of are refused with how many it takes', () => {
  expect(() => budget(50_000, { limit: 155, used: 60 })).toThrow(
    'cannot serve connections: this process may have 155 open files and needs 148 of them itself; allow at least 172',
  );
});

test("guests of the engine's port get a quarter of the files that are left", () => {
  expect(affordableGuests(256, null)).toBe(256);
  expect(affordableGuests(256, { limit: 20_000, used: 180 })).toBe(256);
  expect(affordableGuests(256, { limit: 300, used: 180 })).toBe(30);
  expect(affordableGuests(256, { limit: 180, used: 180 })).toBe(1);
});

test.skipIf(process.platform !== 'linux')('the limit and the files in use are those of this process', () => {
  const { limit, used } = readOpenFiles()!;
  expect(limit).toBeGreaterThan(used);
  expect(used).toBeGreaterThan(3);
});
