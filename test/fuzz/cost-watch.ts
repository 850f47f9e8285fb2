/**
 * Finds inputs whose time for a byte is out of all proportion. What an input costs is compared with the median of the
 * others of its kind, so the speed of the machine does not matter; one that stands out is run again, since a pause of
 * the machine looks the same once.
 */
export class CostWatch {
  readonly #costs: number[] = [];
  #median = Number.POSITIVE_INFINITY;
  slowest = { nsPerByte: 0, bytes: 0, ms: 0 };

  /**
   * Whether the input is to be measured again: it is slow, or the slowest so far. Short ones are not looked at, since a
   * call costs something by itself.
   */
  standsOut(measured: Measured): boolean {
    if (measured.bytes < bytesMin) return false;
    const nsPerByte = (measured.ms * 1e6) / measured.bytes;
    if (this.#costs.length < samplesMax) this.#costs.push(nsPerByte);
    else this.#costs[Math.floor(nsPerByte * 1e3) % samplesMax] = nsPerByte;
    if (this.#costs.length % medianEvery === 0) this.#median = medianOf(this.#costs);
    return nsPerByte > timesMedian * this.#median || nsPerByte > this.slowest.nsPerByte;
  }

  /** With the best of several measurements. */
  isSlow({ ms, bytes }: Measured): boolean {
    const nsPerByte = (ms * 1e6) / bytes;
    if (nsPerByte > this.slowest.nsPerByte) this.slowest = { nsPerByte, bytes, ms };
    return nsPerByte > timesMedian * this.#median;
  }

  get medianNsPerByte(): number {
    return medianOf(this.#costs);
  }
}

export interface Measured {
  readonly bytes: number;
  readonly ms: number;
}

const bytesMin = 1_024;
const samplesMax = 4_096;
const medianEvery = 256;
const timesMedian = 50;

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** CPU time of this process so far: what waiting costs says nothing, on a machine that is shared. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
