import type { FileSystem } from './file-system.js';
import { withFile } from './file-system.js';
import { rewriteRange } from './row-check.js';
import { LogEncoder, segmentTag } from './segment-log.js';
import { segmentPath } from './segment-paths.js';

export interface SegmentCut {
  readonly id: string;
  /** What is kept of each file. */
  readonly dataBytes: number;
  readonly logBytes: number;
  readonly rows: number;
  /** From here on the bytes may never have reached the disk although they can be read: they are written again. */
  readonly unsureData: number;
  readonly unsureLog: number;
}

export function encodeEnd(id: string, kept: { dataBytes: number; logBytes: number; rows: number }): Uint8Array {
  const encoder = new LogEncoder();
  encoder.end({ tag: segmentTag(id), logOffset: kept.logBytes, dataBytes: kept.dataBytes, rows: kept.rows });
  return encoder.bytes();
}

/**
 * Cuts both files of a segment to what is kept and appends the end record, by path and with descriptors of its own.
 * Repeatable. An end record promises that everything before it, in both files, is on the disk: so it comes last.
 */
export async function cutAndSeal(fileSystem: FileSystem, directory: string, cut: SegmentCut): Promise<void> {
  const dataPath = segmentPath(directory, cut.id, 'data');
  await withFile(fileSystem.open(dataPath, 'update'), async (data) => {
    await data.truncate(cut.dataBytes);
    await rewriteRange(data, cut.unsureData, cut.dataBytes);
    await data.datasync();
  });
  const logPath = segmentPath(directory, cut.id, 'log');
  await withFile(fileSystem.open(logPath, 'update'), async (log) => {
    await log.truncate(cut.logBytes);
    await rewriteRange(log, cut.unsureLog, cut.logBytes);
    await log.datasync();
    await log.write([encodeEnd(cut.id, cut)], cut.logBytes);
    await log.datasync();
  });
}
