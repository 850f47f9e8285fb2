import decodeBatch from '../../dist/workers/decode-worker.js';

/** The built worker, except that a frame of the tenant `crash` ends the thread and `throw` throws. */
export default function decodeOrCrash(batch) {
  const tenant = batch.frames[0]?.tenant;
  if (tenant === 'crash') process.exit(7);
  if (tenant === 'throw') throw new TypeError('thrown on purpose');
  return decodeBatch(batch);
}
