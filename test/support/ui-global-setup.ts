import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { chromiumName } from './chromium.js';
import { CollectorProcess, testKey } from './collector-process.js';
import { sendEvents } from './live-client.js';
import { uiHistory } from './ui-history.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The collector that all files of the project look at: they change nothing in it. */
    readonly ui: { readonly url: string; readonly key: string; readonly dataDir: string; readonly nowMs: number };
  }
}

const eventsOfRequest = 1_000;

/** Starts one collector, of the history in `ui-history.ts`, for every file; without a browser there is none. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const nowMs = Date.now();
  if (chromiumName === undefined) {
    project.provide('ui', { url: '', key: '', dataDir: '', nowMs });
    return undefined;
  }
  const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-ui-'));
  const collector = new CollectorProcess({ dataDir, env: { TIDEMARK_MAINTENANCE_SCHEDULE: 'off' } });
  await collector.start();
  const events = uiHistory(nowMs);
  for (let at = 0; at < events.length; at += eventsOfRequest) {
    await sendEvents(collector, events.slice(at, at + eventsOfRequest));
  }
  await untilStored(collector, events.length);
  project.provide('ui', { url: collector.url, key: testKey, dataDir, nowMs });
  return async () => {
    await collector.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
}

async function untilStored(collector: CollectorProcess, events: number): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const { ledger } = await collector.get<{ readonly ledger: { readonly inserted: number } }>('/health/deep');
    if (ledger.inserted >= events) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the history is not stored:\n${collector.output}`);
}
