import { setFlagsFromString } from 'node:v8';
import { workerData } from 'node:worker_threads';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import type { FrameBatch } from '../src/core/event-batch.js';
import type { FrameLimits } from '../src/core/limits.js';
import { type PackedBatch, packBatch } from '../src/decode/batch-transfer.js';
import { createBatchDecoder } from '../src/decode/decode-batch.js';

// Decoding is many small calls an event, more than V8 inlines into one function by default (920 bytes of
// bytecode). With this budget it decodes 30 % more: bench/micro/decode.ts, 746k instead of 578k events per
// CPU-second for positional frames, 638k instead of 492k for maps.
setFlagsFromString('--max-inlined-bytecode-size-cumulative=4000');
setFlagsFromString('--max-inlined-bytecode-size=1000');

const decoder = createBatchDecoder(workerData as FrameLimits);

/** Decodes one batch; the large buffers of the answer are transferred, not copied. */
export default function decodeBatch(batch: FrameBatch): PackedBatch {
  const { packed, buffers } = packBatch(decoder.decode(batch));
  return move({ [transferableSymbol]: buffers, [valueSymbol]: packed } as never) as unknown as PackedBatch;
}
