import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from '../../config/config.js';
import type { Clock } from '../../core/clock.js';
import { errorMessage } from '../../core/errors.js';
import { nodeFileSystem, withFile } from '../../spool/file-system.js';
import { DiskHealth } from '../../telemetry/disk-health.js';
import { type Finding, fault, ok, unknown, warn } from './finding.js';

/** Room on the disk of the data directory, and how long a sync takes there: an acknowledgement waits for one. */
export async function checkDisk(clock: Clock, config: Config, dataDir: string): Promise<Finding[]> {
  return [await checkSpace(clock, config, dataDir), await checkSync(clock, dataDir)];
}

async function checkSpace(clock: Clock, config: Config, dataDir: string): Promise<Finding> {
  try {
    const diskUse = () => nodeFileSystem.diskSpace(dataDir);
    const { status, reason, details } = await new DiskHealth({ clock, diskUse }, config.health).health();
    const free = `${(Number(details.free_bytes) / 1_073_741_824).toFixed(1)} GiB are free`;
    const refuses = Number(details.used_ratio) >= config.spool.diskUsedRatioMax;
    if (status === 'healthy' && !refuses) return ok('disk', `${free}, ${percent(details.used_ratio)} are used`);
    const advice = 'free the disk, move TIDEMARK_DATA_DIR to a larger one, or keep less: TIDEMARK_RETENTION_RAW_DAYS';
    const found = reason ?? `the disk is used to ${percent(details.used_ratio)}; ${free}`;
    return status === 'unhealthy' || refuses
      ? fault('disk', refuses ? `${found}; events are refused` : found, advice)
      : warn('disk', found, advice);
  } catch (error) {
    return unknown('disk', `what is free is not known: ${errorMessage(error)}`);
  }
}

function percent(ratio: unknown): string {
  return `${Math.round(Number(ratio) * 1_000) / 10} %`;
}

const syncs = 8;
const syncBytes = 4_096;
/** An acknowledgement waits for at least one sync. A disk that takes longer is slow, and not broken. */
const syncMsSlow = 20;

/** The median of a few, on a file of its own that is removed again. */
async function checkSync(clock: Clock, dataDir: string): Promise<Finding> {
  const path = join(dataDir, `doctor-${randomBytes(6).toString('hex')}.tmp`);
  try {
    const times = await withFile(nodeFileSystem.open(path, 'create'), async (file) => {
      const taken: number[] = [];
      for (let index = 0; index < syncs; index++) {
        const startedMs = clock.monotonicMs();
        await file.write([randomBytes(syncBytes)], index * syncBytes);
        await file.datasync();
        taken.push(clock.monotonicMs() - startedMs);
      }
      return taken.sort((a, b) => a - b);
    });
    const medianMs = times[syncs / 2] ?? 0;
    const found = `a sync takes ${medianMs.toFixed(1)} ms (median of ${syncs}, longest ${times.at(-1)?.toFixed(1)} ms)`;
    const advice = 'put TIDEMARK_DATA_DIR on a local disk that syncs faster: every acknowledgement waits for one';
    return medianMs >= syncMsSlow ? warn('disk', found, advice) : ok('disk', found);
  } catch (error) {
    return fault('disk', `cannot write to ${dataDir}: ${errorMessage(error)}`, 'free the disk, or see who owns it');
  } finally {
    await nodeFileSystem.remove(path).catch(() => undefined);
  }
}
