import { WebConnection } from './web-connection.js';
import type { Wire } from './wire.js';

const encoder = new TextEncoder();

/** JSON over the WebSocket of the place: browsers, where every kilobyte of a MessagePack library is a download. */
export const jsonWire: Wire = {
  encode({ columns, rows }) {
    const text = JSON.stringify({ columns, rows });
    // The number stands first, so that a frame that was sent before is recognised without reading the rest.
    return { bytes: encoder.encode(text).length + 32, stamped: (seq) => `{"seq":${seq},${text.slice(1)}` };
  },
  body({ columns, rows }) {
    const content = JSON.stringify({ columns, rows });
    return { bytes: encoder.encode(content).length, contentType: 'application/json', content };
  },
  connect: (handlers, options) => new WebConnection(handlers, options),
};
