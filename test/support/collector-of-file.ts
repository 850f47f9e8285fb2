import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { CollectorProcess, testKey } from './collector-process.js';
import { noBrowser } from './ui-pages.js';

/** Keys of a collector that a test file has for itself, beside `testKey`, which may do all. */
export const uiKeys = {
  other: 'tdm_key_of_another_tenant',
  reader: 'tdm_key_that_may_only_read',
  sender: 'tdm_key_that_may_only_send',
} as const;

/** A collector of a file's own, empty at first: what is shown changes with what is sent to it. */
export function collectorOfFile(): CollectorProcess {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-ui-'));
  const { other, reader, sender } = uiKeys;
  const collector = new CollectorProcess({
    dataDir,
    env: {
      TIDEMARK_MAINTENANCE_SCHEDULE: 'off',
      TIDEMARK_API_KEYS: `${testKey}:default:admin,${other}:other:read,${reader}:default:read,${sender}:default:ingest`,
    },
  });
  beforeAll(async () => {
    if (!noBrowser) await collector.start();
  });
  afterAll(async () => {
    if (!noBrowser) await collector.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return collector;
}
