import { expect, test } from 'vitest';
import { loadProblem } from '../../src/clickhouse/embedded/engine-load.js';
import { engineNodeOptions, limitInTheWay } from '../../src/clickhouse/embedded/start-limits.js';

test('a limit that an engine does not come up under is named, and how to raise it', () => {
  expect(limitInTheWay({ addressSpaceBytes: 5_120_000_000, threads: null })).toBe(
    'the address space is limited to 5120 MB (ulimit -v), and the engine needs 12000 MB:' +
      ' raise it, or set LimitAS= of systemd',
  );
  expect(limitInTheWay({ addressSpaceBytes: null, threads: 40 })).toBe(
    'this user may have 40 processes and threads (ulimit -u), and a collector needs 128:' +
      ' raise it, or set LimitNPROC= of systemd',
  );
});

test('no limit, or one that is large enough, is not in the way', () => {
  expect(limitInTheWay({ addressSpaceBytes: null, threads: null })).toBe(null);
  expect(limitInTheWay({ addressSpaceBytes: 32_000_000_000, threads: 30_000 })).toBe(null);
});

test('only where addresses are limited does the engine check the bounds of its checksums', () => {
  expect(engineNodeOptions({ addressSpaceBytes: null, threads: 40 })).toEqual([]);
  expect(engineNodeOptions({ addressSpaceBytes: 8_192_000_000, threads: null })).toEqual([
    '--disable-wasm-trap-handler',
  ]);
});

test('a library that has no room to load is not installed again', () => {
  const said = 'Error: libchdb.so: failed to map segment from shared object';
  const limits = { addressSpaceBytes: 6_144_000_000, threads: null };
  expect(loadProblem({ said, signal: null }, limits).advice).toBe(limitInTheWay(limits));
  expect(loadProblem({ said: '', signal: 'SIGSEGV' }, limits).advice).toBe(limitInTheWay(limits));
  expect(loadProblem({ said, signal: null }, { addressSpaceBytes: null, threads: null }).advice).toMatch(/npm ci/);
});
