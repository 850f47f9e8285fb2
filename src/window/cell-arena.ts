import { invariant } from '../core/invariant.js';

/**
 * Blocks of 8-byte cells for the windows' slices, error counts and centroids.
 *
 * Ten thousand agents have millions of slices. As objects with typed arrays of their own each slice costs about
 * 300 bytes of bookkeeping before it holds a number; here it costs nothing, the collector of garbage never sees it, and
 * `usedBytes` is exact, so that the windows can be held to a limit.
 *
 * Memory comes in chunks of 64 KiB, each cut into blocks of one size. A freed block is reused for the same size; chunks
 * are not given back. A reference is a small integer (chunk number × cells of a chunk + first cell), 0 stands for none.
 * It stays valid until `free`; the views of a chunk never move.
 */
export interface CellChunk {
  readonly f64: Float64Array;
  /** The same bytes: cell `i` is `f32[2 * i]` (low word) and `f32[2 * i + 1]` (high word). */
  readonly f32: Float32Array;
}

/** Cells in a block, ascending. The sizes in the middle are those that sealed digests have; 18 is that of a slice. */
const blockSizes = [2, 4, 8, 16, 18, 32, 48, 64, 96, 128, 192, 256, 512] as const;
export const blockCellsMax = 512;

const chunkBits = 13;
const chunkCells = 1 << chunkBits;
const offsetMask = chunkCells - 1;

export class CellArena {
  readonly #chunks: CellChunk[] = [];
  /** Index into `blockSizes` of each chunk. */
  readonly #chunkSizes: number[] = [];
  readonly #free: number[][] = blockSizes.map(() => []);
  #usedCells = 0;

  get usedBytes(): number {
    return this.#usedCells * 8;
  }

  /** A block of at least `cells` cells; its content is whatever was there. */
  allocate(cells: number): number {
    const size = sizeIndex(cells);
    const free = this.#free[size]!;
    if (free.length === 0) this.#addChunk(size);
    this.#usedCells += blockSizes[size]!;
    return free.pop()!;
  }

  free(ref: number): void {
    const size = this.#chunkSizes[ref >>> chunkBits]!;
    this.#usedCells -= blockSizes[size]!;
    this.#free[size]!.push(ref);
  }

  /** Cells the block really has. */
  capacity(ref: number): number {
    return blockSizes[this.#chunkSizes[ref >>> chunkBits]!]!;
  }

  chunk(ref: number): CellChunk {
    return this.#chunks[ref >>> chunkBits]!;
  }

  #addChunk(size: number): void {
    const buffer = new ArrayBuffer(chunkCells * 8);
    const first = this.#chunks.length << chunkBits;
    this.#chunks.push({ f64: new Float64Array(buffer), f32: new Float32Array(buffer) });
    this.#chunkSizes.push(size);
    const cells = blockSizes[size]!;
    const free = this.#free[size]!;
    // Reference 0 means none, so the first chunk starts at its second block.
    for (let at = chunkCells - cells - (chunkCells % cells); at >= (first === 0 ? cells : 0); at -= cells) {
      free.push(first + at);
    }
  }
}

/** First cell of a block within its chunk. */
export function cellOffset(ref: number): number {
  return ref & offsetMask;
}

/** Cells of the smallest block that holds `cells`. */
export function blockCells(cells: number): number {
  return blockSizes[sizeIndex(cells)]!;
}

function sizeIndex(cells: number): number {
  invariant(cells <= blockCellsMax, `a block has at most ${blockCellsMax} cells, not ${cells}`);
  let size = 0;
  while (blockSizes[size]! < cells) size++;
  return size;
}
