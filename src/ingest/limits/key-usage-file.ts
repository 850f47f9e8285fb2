import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errorMessage } from '../../core/errors.js';
import { dayMs } from '../../core/time-span.js';
import { dayText } from '../../core/time-text.js';
import { isMissing } from '../key-file.js';

/**
 * `<dataDir>/key-usage.json`, mode 0600, replaced as a whole (new file, fsync, rename):
 *
 *   {"version": 1, "day": "2026-01-15", "events": {"acme 3f9a0c12": 120000}}
 *
 * The events that keys with a daily quota have sent on that UTC day, by tenant and name of the key.
 */
const usageFile = z.strictObject({
  version: z.literal(1),
  day: z.iso.date(),
  events: z.record(z.string().max(200), z.int().min(0)),
});

export interface KeyUsage {
  /** Days since the epoch, UTC. */
  readonly day: number;
  readonly events: ReadonlyMap<string, number>;
}

/** Null when there is none; a text that says why it cannot be used. */
export async function readUsage(dataDir: string): Promise<KeyUsage | null | string> {
  try {
    const { day, events } = usageFile.parse(JSON.parse(await readFile(usagePath(dataDir), 'utf8')));
    return { day: Date.parse(day) / dayMs, events: new Map(Object.entries(events)) };
  } catch (error) {
    if (isMissing(error)) return null;
    return error instanceof z.ZodError || error instanceof SyntaxError
      ? 'it is not the JSON of one'
      : errorMessage(error);
  }
}

export async function writeUsage(dataDir: string, { day, events }: KeyUsage): Promise<void> {
  const path = usagePath(dataDir);
  const temporary = `${path}.tmp`;
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(
      `${JSON.stringify({ version: 1, day: dayText(day * dayMs), events: Object.fromEntries(events) })}\n`,
    );
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

function usagePath(dataDir: string): string {
  return join(dataDir, 'key-usage.json');
}
