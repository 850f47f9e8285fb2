import { copyFile, link, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSegmentName } from './segment-paths.js';

/**
 * The files of a spool beside it, for a backup, while no segment leaves: segments that are closed or lie aside by hard
 * links, since nobody writes into them any more; journals and notes as copies. Those of `unclosed` segments are left
 * out: what was acknowledged before is closed by then.
 */
export async function linkSpool(directory: string, target: string, unclosed: ReadonlySet<string>): Promise<void> {
  await mkdir(target, { recursive: true, mode: 0o700 });
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const segment = parseSegmentName(entry.name);
    if (segment !== null && unclosed.has(segment.id)) continue;
    const paths = [join(directory, entry.name), join(target, entry.name)] as const;
    await (segment === null ? copyFile(...paths) : link(...paths));
  }
}
