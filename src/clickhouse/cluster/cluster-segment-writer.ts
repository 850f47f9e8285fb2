import { createReadStream } from 'node:fs';
import type { InsertNotes } from '../../core/ports/insert-notes.js';
import type { SegmentWriter } from '../../core/ports/segment-writer.js';
import type { SpoolSegment } from '../../core/ports/spool-reader.js';
import { insertStatement } from '../segments/segment-insert.js';
import type { StoreWriter } from '../store-writer.js';
import { type ClusterTopology, shardOf } from './cluster-topology.js';

export interface ClusterSegmentWriterDeps {
  readonly store: StoreWriter;
  readonly topology: Pick<ClusterTopology, 'shards'>;
  readonly notes: InsertNotes;
}

export interface ClusterSegmentWriterOptions {
  readonly database: string;
  readonly quorum: string | null;
}

interface NoteContent {
  readonly shard: number;
}

/**
 * A segment is one block in one shard, which its id decides. Only that shard knows its token, so the shard is noted
 * before the first attempt: a segment that was under way while shards were added goes where it went before. Whichever
 * server is asked passes it on (`insert_shard_id`), and the replicas of the shard share the tokens.
 */
export class ClusterSegmentWriter implements SegmentWriter {
  readonly #deps: ClusterSegmentWriterDeps;
  readonly #options: ClusterSegmentWriterOptions;

  constructor(deps: ClusterSegmentWriterDeps, options: ClusterSegmentWriterOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  async insert(segment: SpoolSegment): Promise<void> {
    const { store, notes } = this.#deps;
    let shard = await this.#notedShard(segment);
    if (shard === null) {
      shard = shardOf(segment.id, await this.#deps.topology.shards());
      await notes.write({ segmentId: segment.id, content: JSON.stringify({ shard } satisfies NoteContent) });
    }
    const sql = insertStatement(segment, { ...this.#options, transport: 'body', shard });
    await store.insertStream({ name: `insert of segment ${segment.id}`, sql }, () =>
      createReadStream(segment.dataPath),
    );
  }

  async giveUp(segment: SpoolSegment): Promise<string | null> {
    const shard = await this.#notedShard(segment);
    return shard === null ? null : JSON.stringify({ shard } satisfies NoteContent);
  }

  /** Of the last segment that was begun, or kept with one that was put aside. */
  async #notedShard(segment: SpoolSegment): Promise<number | null> {
    const note = await this.#deps.notes.read();
    const content = note?.segmentId === segment.id ? note.content : segment.arrived;
    if (content === undefined || content === '') return null;
    const { shard } = JSON.parse(content) as Partial<NoteContent>;
    return shard ?? null;
  }
}
