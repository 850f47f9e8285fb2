import type { DecodedBatch } from '../../src/core/event-batch.js';
import { rawColumns } from '../../src/core/event-schema.js';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { createBatch, type SentEvent } from './random-events.js';

const decoder = createBatchDecoder(defaultFrameLimits);

/** The String and LowCardinality(String) columns of a block of one row, read without the engine. */
export function readFirstRow(event: SentEvent, receivedMs: number): { row: SentEvent; decoded: DecodedBatch } {
  const decoded = decoder.decode({ ...createBatch([{ body: event }]), receivedMs });
  return { row: readTexts(Buffer.from(decoded.rows)), decoded };
}

function readTexts(block: Buffer): SentEvent {
  const row: SentEvent = {};
  let at = 0;
  const varuint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = block[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const text = () => {
    const length = varuint();
    at += length;
    return block.toString('utf8', at - length, at);
  };
  const [columns, rows] = [varuint(), varuint()];
  if (columns > rawColumns.length || rows !== 1) throw new Error(`a block of ${columns} columns and ${rows} rows`);
  for (let column = 0; column < columns; column++) {
    const [name, type] = [text(), text()];
    if (type === 'String') row[name] = text();
    else at = readOther(type, at);
  }
  return row;

  function readOther(type: string, start: number): number {
    const widths: Record<string, number> = { UInt64: 8, UInt16: 2, UInt8: 1 };
    if (type.startsWith('Enum8')) return start + 1;
    if (type.startsWith('Nullable')) return start + 9;
    if (type.startsWith('DateTime64')) return start + 8;
    if (type === 'LowCardinality(String)') return readDictionary();
    if (type.startsWith('Map')) return start + 16;
    if (type.startsWith('Array')) return start + 8;
    return start + widths[type]!;
  }

  function readDictionary(): number {
    at += 16;
    const keys = Number(block.readBigUInt64LE(at));
    at += 8;
    const texts = Array.from({ length: keys }, text);
    at += 8;
    row.agent_id ??= texts.length > 1 && texts[1] !== 'default' ? texts[1] : undefined;
    return at + 1;
  }
}
