import { CollectorError } from '../../../core/errors.js';

/**
 * Centroids of a `quantilesTDigest` state, given as the hexadecimal text of `hex(state)`. The state is a varuint n,
 * then n × (Float32 mean, Float32 weight), little-endian. Returns mean, weight, mean, weight, …
 * Throws `internal` when the text is no such state.
 */
export function parseDigestState(hex: string): Float64Array {
  const bytes = Buffer.from(hex, 'hex');
  let count = 0;
  let at = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = bytes[at++];
    if (byte === undefined) throw malformed(hex, 'it ends within its length');
    count += (byte & 0x7f) * factor;
    if (byte < 0x80) break;
  }
  if (bytes.length !== at + 8 * count) throw malformed(hex, `${count} centroids do not take ${bytes.length} bytes`);
  const centroids = new Float64Array(2 * count);
  let to = 0;
  for (; at < bytes.length; at += 8) {
    const mean = bytes.readFloatLE(at);
    const weight = bytes.readFloatLE(at + 4);
    if (!(mean >= 0 && weight > 0 && mean + weight < Number.POSITIVE_INFINITY)) {
      throw malformed(hex, `a centroid has mean ${mean} and weight ${weight}`);
    }
    centroids[to++] = mean;
    centroids[to++] = weight;
  }
  return centroids;
}

function malformed(hex: string, cause: string): CollectorError {
  return new CollectorError('internal', `cannot read a digest state of ${hex.length / 2} bytes: ${cause}`);
}
