import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { Framework, type FrameworkName, type Told } from './framework.js';

/** Three collectors at once, each beside a framework, may take their time. */
export const soon = { timeout: 90_000 };

export interface Stage {
  /** Where the registry cannot be reached. */
  readonly isMissing: boolean;
  perform(scene: string): Promise<Told>;
  /** What the run of this scene has used, as the collector has it. */
  total(told: Told): Promise<unknown>;
}

/** A framework's program and a collector that it tells, for the tests of this file. */
export async function stage(name: FrameworkName): Promise<Stage> {
  const framework = await Framework.install(name);
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-adapters-'));
  const collector = new CollectorProcess({ dataDir: join(directory, 'data') });
  beforeAll(async () => {
    if (framework !== null) await Promise.all([collector.start(), framework.compile()]);
  });
  afterAll(async () => {
    await collector.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  return {
    isMissing: framework === null,
    async perform(scene) {
      if (framework === null) throw new Error(`${name} is not here`);
      return await framework.perform(scene, { TIDEMARK_URL: collector.url, TIDEMARK_KEY: testKey });
    },
    async total({ events }) {
      const headers = { authorization: `Bearer ${testKey}` };
      const response = await fetch(`${collector.url}/api/v1/runs/${events[0]?.run_id}`, { headers });
      if (!response.ok) return `${response.status}: ${await response.text()}`;
      return ((await response.json()) as { readonly total: unknown }).total;
    },
  };
}
