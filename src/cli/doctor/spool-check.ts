import { join } from 'node:path';
import type { Clock } from '../../core/clock.js';
import { errorMessage } from '../../core/errors.js';
import { releaseMs } from '../../core/release-date.js';
import { clockText } from '../../core/time-text.js';
import { errorCode, nodeFileSystem } from '../../spool/file-system.js';
import { type SpoolSurvey, surveySpool } from '../../spool/spool-survey.js';
import { ageText, bytesText, countText } from './amounts.js';
import { type Finding, fault, ok, unknown, warn } from './finding.js';
import type { RunningCollector } from './running-collector.js';

/** Rows of so many bytes are compared with their checksums; of what is beyond, the sizes are. */
const rowBytesMax = 256 * 1_048_576;

/** The files of the spool: what waits, what is set aside, and what a start would find damaged. */
export async function checkSpool(clock: Clock, dataDir: string, collector: RunningCollector): Promise<Finding[]> {
  const directory = join(dataDir, 'spool');
  let survey: SpoolSurvey;
  try {
    survey = await surveySpool(nodeFileSystem, { directory, rowBytesMax });
  } catch (error) {
    if (errorCode(error) !== 'ENOENT')
      return [fault('spool', `cannot read it: ${errorMessage(error)}`, 'move the file away')];
    // A segment of a collector that runs may leave between two looks.
    if (collector.status === 'answers') return [unknown('spool', 'its files changed while they were read')];
    return [ok('spool', `there is none in ${dataDir} yet`)];
  }
  return [
    waitingFinding(clock, survey, collector),
    ...damageFindings(survey, collector, directory),
    ...quarantineFindings(survey, directory),
    clockFinding(clock, survey),
  ];
}

function waitingFinding(clock: Clock, { segments }: SpoolSurvey, collector: RunningCollector): Finding {
  const rows = segments.reduce((sum, segment) => sum + (segment.rows ?? 0), 0);
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  if (rows === 0) return ok('spool', 'nothing waits for the store');
  const oldestMs = Math.min(...segments.map(({ firstReceivedMs }) => firstReceivedMs ?? Number.POSITIVE_INFINITY));
  const age = Number.isFinite(oldestMs) ? `, the oldest ${ageText(Math.max(0, clock.nowMs() - oldestMs))} old` : '';
  const amount = `${countText(rows, 'event')} in ${countText(segments.length, 'segment')}`;
  const found = `${amount} (${bytesText(bytes)}) wait${age}`;
  if (collector.status === 'answers') return ok('spool', found);
  return warn('spool', found, 'start the collector: it delivers them');
}

/** Segments named one by one. */
const namedMax = 10;

function damageFindings(
  { segments, journals }: SpoolSurvey,
  collector: RunningCollector,
  directory: string,
): Finding[] {
  // What a collector writes at this moment looks unfinished, and is.
  const isRunning = collector.status === 'answers';
  const damaged = segments.filter(({ damage, isClosed }) => damage !== null && (isClosed || !isRunning));
  const copy = 'put back a copy of it before the next start, which sets it aside (docs/damage.md)';
  const named = damaged.slice(0, namedMax).map(({ id, damage }) => fault('spool', `segment ${id}: ${damage}`, copy));
  const more = damaged.length - named.length;
  const rest = more > 0 ? [fault('spool', `${countText(more, 'more segment')} of ${directory} damaged`, copy)] : [];
  const bad = isRunning ? [] : journals.filter(({ damage }) => damage !== null);
  const advice = 'put back a copy of it before the next start, which goes on without what it has forgotten';
  return [...named, ...rest, ...bad.map(({ path, damage }) => warn('spool', `${path}: ${damage}`, advice))];
}

function quarantineFindings({ quarantined }: SpoolSurvey, directory: string): Finding[] {
  if (quarantined.length === 0) return [ok('spool', 'no segment is set aside')];
  const intact = quarantined.filter(({ damage }) => damage === null);
  const rows = quarantined.reduce((sum, segment) => sum + (segment.rows ?? 0), 0);
  const found =
    `${countText(quarantined.length, 'segment')} of ${countText(rows, 'event')} set aside in ${directory}, ` +
    `${intact.length} of them intact`;
  const [first] = intact;
  if (first === undefined) {
    return [fault('spool', found, 'put back copies of their files if there are any; tidemark never deletes them')];
  }
  const advice = `stop the collector and run: tidemark spool replay ${first.id}, when what refused it is mended`;
  return [fault('spool', found, advice)];
}

/** A clock behind what was received cannot be right, nor one before this version was released. */
function clockFinding(clock: Clock, { segments, quarantined }: SpoolSurvey): Finding {
  const nowMs = clock.nowMs();
  const newestMs = Math.max(releaseMs, ...[...segments, ...quarantined].map((segment) => segment.lastReceivedMs ?? 0));
  const aheadMs = newestMs - nowMs;
  if (aheadMs <= clockBehindMsMax) return ok('clock', `it says ${clockText(nowMs)}, which can be`);
  const found = `it says ${clockText(nowMs)}, and it is ${clockText(newestMs)} at least`;
  return fault('clock', found, 'set it, and let a time server keep it: events are held, or not acknowledged at all');
}

const clockBehindMsMax = 1_000;
