import { passwordHashOf } from '../../src/clickhouse/embedded/front/engine-users.js';
import {
  type EngineLimits,
  type EngineOptions,
  fixedEngineLimits,
} from '../../src/clickhouse/embedded/process/engine-protocol.js';

const mebibyte = 1_048_576;

/** Of an engine that is not configured by a collector. */
export const engineLimits: EngineLimits = {
  memoryBytesMax: 2_048 * mebibyte,
  readConnections: 2,
  guestReadsMax: 2,
  guestStreamsMax: 2,
  guestConnectionsMax: 256,
  guestQueryMsMax: 60_000,
  guestMemoryBytesMax: 512 * mebibyte,
  guestResultBytesMax: 1_024 * mebibyte,
  guestHeldBytesMax: 4_096 * mebibyte,
  heldDiskUsedRatioMax: 1,
  guestThreadsMax: 1,
  guestRowsMax: 100_000_000,
  streamsMax: 4,
  streamMsMax: 3_600_000,
  streamIdleMsMax: 60_000,
};

/** What an engine process is started with, for tests that start it without a collector: a reader without a password. */
export function engineOptions(at: Pick<EngineOptions, 'dataDir' | 'spoolDir'>): EngineOptions {
  return {
    ...engineLimits,
    ...fixedEngineLimits,
    dataDir: at.dataDir,
    spoolDir: at.spoolDir,
    keepsExpired: false,
    holdsMerges: false,
    database: 'tidemark',
    port: 0,
    hosts: [],
    corsOrigins: [],
    readers: [{ name: 'default', passwordHash: passwordHashOf(''), tenant: null }],
    readerTables: [],
    writerUser: 'tidemark',
    writerPasswordHash: passwordHashOf('w'),
  };
}
