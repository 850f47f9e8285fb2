/** What agents import. */
export { createTidemarkClient, type TidemarkClient } from './client.js';
export {
  type Acknowledgement,
  ClientError,
  type ClientOptions,
  type ClientStats,
  type Rejection,
  type SendOutcome,
} from './client-options.js';
export type { TidemarkEvent } from './event.js';
