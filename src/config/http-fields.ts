import { z } from 'zod';
import { choice, integer, list, originList, ratio, splitList } from './config-field.js';

const mebibyte = 1_048_576;

/** Settings of the collector's port: who may ask, and how much at once. */
export const httpFields = {
  server: choice(['auto', 'uws', 'node'], {
    default: 'auto',
    meaning:
      'What serves WebSockets: `uws` is uWebSockets.js, `node` is ws, which runs wherever Node does; `auto` is the ' +
      'first where a binary of it loads, else the second.',
  }),
  connectionsMax: integer({ default: 50_000, min: 1, max: 1_000_000 }, 'WebSocket connections at once.'),
  connectionsKeyRatioMax: ratio(
    { default: 0.9, min: 0.01, max: 1 },
    'Share of the connections that one key may have; one more is answered `key_overloaded`.',
  ),
  connectionsAddressRatioMax: ratio(
    { default: 0.9, min: 0.01, max: 1 },
    'Share of the connections that one address may have; one more is answered `address_overloaded`.',
  ),
  requestsMax: integer(
    { default: 1_000, min: 1, max: 100_000 },
    'HTTP requests under way at once: so many with a body, and apart from them so many reads.',
  ),
  monitoringRequestsMax: integer(
    { default: 200, min: 1, max: 100_000 },
    'Requests for health, metrics and the description of the API under way at once, apart from all others.',
  ),
  bodiesBytesMax: integer(
    { default: 256 * mebibyte, min: mebibyte, max: 65_536 * mebibyte },
    'Memory of all bodies that arrive or are handled; one more byte is answered `overloaded`.',
  ),
  requestsKeyRatioMax: ratio(
    { default: 0.5, min: 0.01, max: 1 },
    'Share of those requests, and of that memory, that one key may hold; beyond it is answered `key_overloaded`.',
  ),
  requestsAddressRatioMax: ratio(
    { default: 0.75, min: 0.01, max: 1 },
    'The same of one address (IPv6: of one /64); beyond it is answered `address_overloaded`.',
  ),
  bodyTimeoutMs: integer({ default: 30_000, min: 100, max: 600_000 }, 'Time a body may take to arrive.'),
  bodyBytesPerSecondMin: integer(
    { default: 1_024, min: 0, max: mebibyte },
    'Bytes a second, from its sixth second on, below which a body is given up before its time is over.',
  ),
  replyIdleTimeoutMs: integer(
    { default: 60_000, min: 100, max: 3_600_000 },
    'Time a client may take nothing of a streamed answer; then it is cut off.',
  ),
  keepAliveTimeoutMs: integer(
    { default: 75_000, min: 1_000, max: 3_600_000 },
    'Time a connection without a request is kept; longer than a proxy keeps its own, or it meets closed ones.',
  ),
  hosts: list({
    item: z.string().regex(/^(\*|[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63}){0,16})$/),
    identity: (name) => name.toLowerCase(),
    parse: splitList,
    allowed: 'host names such as tidemark.example.com, without a port, separated by commas, or *',
    meaning:
      'Names by which browsers and requests without a key may reach the collector, beside `host`, the name of the ' +
      'machine, `localhost` and all addresses; * is every name, and lets pages in whose name was made to lead here.',
  }),
  corsOrigins: originList(
    'Origins whose pages may ask and read the answers of this API (CORS), WebSockets included; * is all of them.',
  ),
} as const;
