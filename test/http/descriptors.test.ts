import { expect, test } from 'vitest';
import { affordableGuests } from '../../src/clickhouse/embedded/front/guest-connections.js';
import { readOpenFiles } from '../../src/core/open-files.js';
import { affordableConnections } from '../../src/http/descriptors.js';

test('connections are as many as asked, or as the open files leave beside what the collector needs', () => {
  expect(affordableConnections(50_000, null)).toBe(50_000);
  expect(affordableConnections(50_000, { limit: 1_048_576, used: 60 })).toBe(50_000);
  expect(affordableConnections(50_000, { limit: 4_096, used: 60 })).toBe(4_096 - 60 - 64 - 512);
  expect(affordableConnections(50_000, { limit: 300, used: 60 })).toBe(300 - 60 - 64 - 37);
  expect(affordableConnections(100, { limit: 300, used: 60 })).toBe(100);
  expect(affordableConnections(3, { limit: 155, used: 60 })).toBe(3);
});

test('too few open files for any connection to speak of are refused with how many it takes', () => {
  expect(() => affordableConnections(50_000, { limit: 155, used: 60 })).toThrow(
    'cannot serve connections: this process may have 155 open files and needs 148 of them itself; allow at least 156',
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
