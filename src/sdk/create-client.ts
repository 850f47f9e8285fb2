import { binaryWire } from './binary-wire.js';
import { TidemarkClient } from './client.js';
import type { ClientOptions } from './client-options.js';

/** Connects at once and goes on until `close`. Reconnects by itself and resends what was not acknowledged. */
export function createTidemarkClient(options: ClientOptions): TidemarkClient {
  return new TidemarkClient(options, binaryWire);
}
