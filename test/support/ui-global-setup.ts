import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { headlessName } from '../../bench/chromium.js';
import { CollectorProcess, testKey } from './collector-process.js';
import { sendHistory } from './ui-collector.js';
import { uiHistory } from './ui-history.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The collector that all files of the project look at: they change nothing in it. */
    readonly ui: { readonly url: string; readonly key: string; readonly dataDir: string; readonly nowMs: number };
  }
}

const leaseMs = 86_400_000;

/** Starts one collector, of the history in `ui-history.ts`, for every file; without a browser there is none. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const nowMs = Date.now();
  if (headlessName === undefined) {
    project.provide('ui', { url: '', key: '', dataDir: '', nowMs });
    return undefined;
  }
  const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-ui-'));
  // What is under way in the history is so for as long as all tests take that run beside these.
  const env = { TIDEMARK_MAINTENANCE_SCHEDULE: 'off', TIDEMARK_HISTORY_LEASE_MS: String(leaseMs) };
  const collector = new CollectorProcess({ dataDir, env });
  await collector.start();
  await sendHistory(collector, uiHistory(nowMs));
  project.provide('ui', { url: collector.url, key: testKey, dataDir, nowMs });
  return async () => {
    await collector.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
}
