import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';
import { randomEvent, type SentEvent } from '../decode/random-events.js';
import { CollectorProcess } from '../support/collector-process.js';
import { exampleEvents } from '../support/operation-examples.js';
import { randomInteger, seededRandom } from '../support/seeded-random.js';

/**
 * The description of the API against a running collector, by Schemathesis (`pip install schemathesis`): requests that
 * follow the description and requests that break it, and every answer held against it.
 */

/**
 * Requests an operation and phase; with a number given (`npm run schemathesis`) every scope gets all phases, by random
 * requests, which the printed seed repeats. Without, the same requests each time, and all phases for `admin` alone.
 */
const { SCHEMATHESIS_EXAMPLES: examples, SCHEMATHESIS_SEED: seed } = process.env;
const fixedExamples = '3';

const scopes = ['ingest', 'read', 'admin'] as const;
type Scope = (typeof scopes)[number];
const keyOf = (scope: Scope) => `tdm_key_of_schemathesis_${scope}`;

const settings = (name: string) => fileURLToPath(packageFile(`test/support/schemathesis/${name}`));
const isThere = spawnSync('schemathesis', ['--version']).status === 0;

describe.skipIf(!isThere)('with Schemathesis (skipped where it is not installed)', () => {
  let directory = '';
  let collector: CollectorProcess;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tidemark-schemathesis-'));
    const keys = scopes.map((scope) => `${keyOf(scope)}:default:${scope}`);
    collector = new CollectorProcess({
      dataDir: join(directory, 'data'),
      env: { TIDEMARK_API_KEYS: keys.join(',') },
    });
    await collector.start();
    const events = [...exampleEvents(Date.now()), ...randomHistory(300)];
    const response = await fetch(`${collector.url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${keyOf('ingest')}`, 'content-type': 'application/json' },
      body: JSON.stringify(events),
    });
    const { accepted } = (await response.json()) as { readonly accepted: number };
    expect(accepted).toBeGreaterThan(200);
    await collector.untilStored(accepted);
  });

  afterAll(async () => {
    await collector.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  // Who may erase comes last.
  test.each(scopes)(
    'no answer to a key of the scope %s is outside of the description',
    async (scope) => {
      const { status, output } = await fuzz(scope);
      expect(status, output).toBe(0);
      expect(Number(/(\d+) generated/.exec(output)?.[1])).toBeGreaterThan(500);
    },
    examples === undefined ? 300_000 : 3_600_000,
  );

  async function fuzz(scope: Scope): Promise<{ readonly status: number | null; readonly output: string }> {
    const child = spawn(
      'schemathesis',
      [
        ...['--config-file', settings('schemathesis.toml'), 'run', `${collector.url}/api/v1/openapi.json`],
        ...['--header', `Authorization: Bearer ${keyOf(scope)}`, '--request-timeout', '60', '--no-color'],
        ...['--continue-on-failure', '--max-examples', examples ?? fixedExamples],
        ...(examples === undefined ? ['--generation-deterministic'] : ['--generation-database', 'none']),
        ...(examples === undefined && scope !== 'admin' ? ['--phases', 'examples,coverage'] : []),
        ...(seed === undefined ? [] : ['--seed', seed]),
      ],
      { cwd: directory, env: { ...process.env, SCHEMATHESIS_HOOKS: settings('hooks.py') } },
    );
    let output = '';
    const keep = (data: Buffer) => {
      output += data.toString();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { status, output };
  }
});

/** Events of some runs and tasks with any value a field may have, most of them of the last hour. */
function randomHistory(count: number): SentEvent[] {
  const random = seededRandom(11);
  const among = (name: string, max: number) => `${name}-${randomInteger(random, { min: 0, max })}`;
  return Array.from({ length: count }, () => ({
    ...randomEvent(random),
    agent_id: among('agent', 9),
    run_id: among('run', 19),
    task_id: among('task', 39),
    step_id: among('step', 2),
    pattern_id: among('pattern', 9),
    ts: Date.now() - randomInteger(random, { min: 0, max: 3_600_000 }),
  }));
}
