import { workerData } from 'node:worker_threads';
import type { FrameBatch } from '../src/core/event-batch.js';
import type { FrameLimits } from '../src/core/limits.js';
import { type PackedBatch, packBatch } from '../src/decode/batch-transfer.js';
import { createBatchDecoder } from '../src/decode/decode-batch.js';
import { raiseInliningBudget } from '../src/decode/inlining-budget.js';

raiseInliningBudget();
const decoder = createBatchDecoder(workerData as FrameLimits);

export default function decodeBatch(batch: FrameBatch): PackedBatch {
  return packBatch(decoder.decode(batch));
}
