import { type Tidemark, type TidemarkEvent, tidemark } from 'tidemark/sdk';

/** What a fake model dealt out, as the event of its step should have it. */
export interface Dealt {
  readonly tokens_in: number;
  readonly tokens_out?: number;
  readonly tokens_cache_read?: number;
  readonly tokens_cache_write?: number;
  readonly tokens_reasoning?: number;
  readonly llm_calls?: number;
}

export interface Scene {
  readonly tm: Tidemark;
  readonly dealt: Dealt[];
}

/** Does the scene that the command line names, and prints what was told of it, and what should have been. */
export async function perform(scenes: Readonly<Record<string, (scene: Scene) => Promise<unknown>>>): Promise<void> {
  const events: TidemarkEvent[] = [];
  const problems: string[] = [];
  const tm = tidemark({
    agent: 'scout',
    heartbeatMs: 0,
    // Each step is told when it begins, however short it is.
    batchAgeMs: 0,
    redact: (event) => {
      events.push({ ...event });
      return event;
    },
    onProblem: (text) => problems.push(text),
  });
  const dealt: Dealt[] = [];
  const result = await scenes[process.argv[2] ?? '']?.({ tm, dealt });
  const flushed = await tm.close({ timeoutMs: 60_000 });
  process.stdout.write(`${JSON.stringify({ events, dealt, result, flushed, problems })}\n`);
}
