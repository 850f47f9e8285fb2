import { _SHA256 } from '@noble/hashes/sha2.js';
import { holdingClock } from '../../core/clock.js';
import { jsonWire } from '../json-wire.js';
import { pooledHex } from './ids.js';
import type { ContextVariable, Surroundings } from './surroundings.js';

/** Browsers, where no context flows over an `await`: it holds as long as the function runs without one. */
export const webSurroundings: Surroundings = {
  wire: jsonWire,
  // Timers of a page hold nothing.
  clock: holdingClock,
  holdingClock,
  createContext<Value>(): ContextVariable<Value> {
    let current: Value | undefined;
    return {
      get: () => current,
      run(value, work) {
        const before = current;
        current = value;
        try {
          return work();
        } finally {
          current = before;
        }
      },
    };
  },
  // The class behind `sha256`, without what makes a hash of many options of it: a page downloads every line.
  hash: (text) => hexOf(new _SHA256().update(new TextEncoder().encode(text)).digest().subarray(0, 8)),
  randomHex: pooledHex(() => hexOf(crypto.getRandomValues(new Uint8Array(2_048)))),
  random() {
    const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
    return (high * 0x1_0000 + (low >>> 16)) / 0x1_0000_0000_0000;
  },
  networkCodes: null,
  environment: () => undefined,
  diskDelivery() {
    throw new Error('no disk');
  },
  atEnd: () => () => undefined,
  /** A page that is hidden may be gone without another word. */
  beforeEnd({ flush }) {
    const hidden = (): void => void flush();
    const page = globalThis as Partial<Pick<EventTarget, 'addEventListener' | 'removeEventListener'>>;
    page.addEventListener?.('pagehide', hidden);
    return () => page.removeEventListener?.('pagehide', hidden);
  },
};

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
