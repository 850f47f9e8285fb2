import type { TreeEntry } from './data-tree.js';

/** Where a backup goes; under another name until it is whole and synced. */
export interface BackupSink {
  /** `content`: of a file, exactly as many bytes as it says. */
  add(entry: TreeEntry, content: AsyncIterable<Uint8Array>): Promise<void>;
  finish(): Promise<void>;
  /** Removes what was written. */
  abandon(): Promise<void>;
}

export interface BackupItem {
  readonly entry: TreeEntry;
  /** Of a file; to be read to its end before the next item is asked for. */
  readonly content: AsyncIterable<Uint8Array>;
}

export async function* nothing(): AsyncGenerator<Uint8Array> {}
