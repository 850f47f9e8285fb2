import type { MemoryShortage } from './engine-protocol.js';

/**
 * For how many proofs an engine's memory has been gone while nothing ran. Who works with the memory may have it for as
 * long as he takes: such a proof says nothing. Nor does one of an engine that never had enough, because after a restart
 * it has no more.
 */
export class EngineHunger {
  #proofs = 0;
  #hadMemory = false;

  /** Answers how many there are with this one. */
  after(shortage: MemoryShortage): number {
    if (shortage === 'none') {
      this.#hadMemory = true;
      this.#proofs = 0;
    } else if (shortage === 'idle' && this.#hadMemory) this.#proofs++;
    return this.#proofs;
  }
}
