import { passwordHashOf } from '../../src/clickhouse/embedded/front/engine-users.js';
import { defaultEngineLimits, type EngineOptions } from '../../src/clickhouse/embedded/process/engine-protocol.js';

/** What an engine process is started with, for tests that start it without a collector: a reader without a password. */
export function engineOptions(at: Pick<EngineOptions, 'dataDir' | 'spoolDir'>): EngineOptions {
  return {
    ...defaultEngineLimits,
    dataDir: at.dataDir,
    spoolDir: at.spoolDir,
    keepsExpired: false,
    database: 'tidemark',
    port: 0,
    hosts: [],
    readers: [{ name: 'default', passwordHash: passwordHashOf(''), tenant: null }],
    readerTables: [],
    writerUser: 'tidemark',
    writerPasswordHash: passwordHashOf('w'),
  };
}
