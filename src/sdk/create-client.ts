import { TidemarkClient } from './client.js';
import type { ClientOptions } from './client-options.js';
import type { TlsOptions } from './tls-options.js';
import { wireFor } from './tls-wire.js';

/** Connects at once and goes on until `close`. Reconnects by itself and resends what was not acknowledged. */
export function createTidemarkClient(options: ClientOptions & TlsOptions): TidemarkClient {
  return new TidemarkClient(options, wireFor(options));
}
