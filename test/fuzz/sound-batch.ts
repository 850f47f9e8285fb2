import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { errorTable } from '../../src/core/errors.js';
import type { DecodedBatch, DecodedFrame, FrameBatch } from '../../src/core/event-batch.js';
import { rawColumns } from '../../src/core/event-schema.js';
import type { BatchDecoder } from '../../src/decode/decode-batch.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { readNativeBlock } from './native-block-reader.js';

/**
 * Decodes a batch, and holds the answer against what is true of any: every event is accepted or rejected by index and
 * path, the block can be read and holds as many rows, its size follows from what was sent, and a decoder that has seen
 * other batches answers the same.
 */
export function decodeSoundly(decoder: BatchDecoder, batch: FrameBatch): DecodedBatch {
  const sent = Buffer.from(batch.bytes.slice(0));
  const decoded = decoder.decode(batch);
  ok(sent.equals(Buffer.from(decoded.bytes)), 'the batch was written to');
  strictEqual(decoded.frames.length, batch.frames.length);
  let rows = 0;
  for (const [index, frame] of decoded.frames.entries()) {
    checkFrame(frame, batch.frames[index]!.duplicate);
    rows += frame.rows;
  }
  strictEqual(decoded.rowCount, rows);
  checkBlock(decoded, sent.length);
  checkIds(decoded);
  const again = decoder.decode({ ...batch, bytes: batch.bytes.slice(0) });
  strictEqual(again.rowsCrc, decoded.rowsCrc, 'the same bytes make other rows');
  deepStrictEqual(again.frames, decoded.frames);
  deepStrictEqual(again.slices, decoded.slices);
  return decoded;
}

function checkFrame(frame: DecodedFrame, duplicate: boolean): void {
  strictEqual(frame.events, frame.accepted + frame.rejected);
  strictEqual(frame.rows, duplicate ? 0 : frame.accepted);
  strictEqual(frame.fault === null, frame.events > 0);
  if (frame.fault !== null) ok(frame.fault.code in errorTable);
  const byCode = Object.values(frame.rejectedByCode).reduce((sum, count) => sum + count, 0);
  strictEqual(byCode, frame.rejected);
  ok(frame.errors.length <= defaultFrameLimits.errorsListedMax);
  ok(frame.seq === null || (Number.isSafeInteger(frame.seq) && frame.seq >= 1));
  for (const { index, code, path, message } of frame.errors) {
    ok(code in errorTable);
    ok(index === 0 || (index > 0 && index < frame.events), 'an error of an event that is none');
    ok(path.length <= pathCharactersMax && message.length <= messageCharactersMax, 'an error is too long');
  }
}

/** A field's name and one of a payload, which is cut at 64 code points. */
const pathCharactersMax = 256;
const messageCharactersMax = 1_024;

/** What a row of nothing takes, and what a byte of a frame may become: an escape of JSON, a dictionary's key. */
const bytesPerRowMax = 512;
const bytesPerByteMax = 8;

function checkBlock(decoded: DecodedBatch, sentBytes: number): void {
  const { rows, rowCount, rowsCrc } = decoded;
  // Where cells may still be filled there is no sum yet.
  strictEqual(rowsCrc ?? crc32(rows), crc32(rows));
  if (rowCount === 0) {
    strictEqual(rows.length, 0);
    return;
  }
  const block = readNativeBlock(rows);
  strictEqual(block.rows, rowCount);
  const names = new Set(block.columns.map(({ name }) => name));
  // A column that no row sets is left out; the others come in the order of the schema.
  deepStrictEqual(
    block.columns,
    rawColumns.filter(({ name }) => names.has(name)).map(({ name, column }) => ({ name, type: column })),
  );
  ok(rows.length <= headBytesMax + rowCount * bytesPerRowMax + sentBytes * bytesPerByteMax, `${rows.length} bytes`);
}

const headBytesMax = 8_192;

function checkIds({ eventIds, frames, rowCount }: DecodedBatch): void {
  if (eventIds === null) return;
  const { low, high, frame, event } = eventIds;
  ok(low.length <= rowCount && low.length === high.length && low.length === frame.length);
  for (let at = 0; at < low.length; at++) {
    ok(event[at]! < frames[frame[at]!]!.events, 'an id of an event that is none');
  }
}
