import { workerData } from 'node:worker_threads';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import type { FrameBatch } from '../src/core/event-batch.js';
import type { FrameLimits } from '../src/core/limits.js';
import { type PackedBatch, packBatch } from '../src/decode/batch-transfer.js';
import { createBatchDecoder } from '../src/decode/decode-batch.js';
import { raiseInliningBudget } from '../src/decode/inlining-budget.js';

raiseInliningBudget();
const decoder = createBatchDecoder(workerData as FrameLimits);

/** Decodes one batch; the large buffers of the answer are transferred, not copied. */
export default function decodeBatch(batch: FrameBatch): PackedBatch {
  const { packed, buffers } = packBatch(decoder.decode(batch));
  return move({ [transferableSymbol]: buffers, [valueSymbol]: packed } as never) as unknown as PackedBatch;
}
