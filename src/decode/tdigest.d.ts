/** The part of the `tdigest` package that is used; it ships no types. */
declare module 'tdigest' {
  export interface Centroid {
    readonly mean: number;
    readonly n: number;
  }
  export class TDigest {
    /** `delta`: the largest share of all values in one centroid, times 4·q·(1−q). */
    constructor(delta?: number, K?: number, CX?: number);
    push(value: number): void;
    /** Ascending by mean. */
    toArray(): Centroid[];
  }
}
