import { packMessage } from '../core/msgpack.js';
import { encodeFrame, stampSeq } from './frame-encoder.js';
import type { Wire } from './wire.js';
import { WsConnection } from './ws-connection.js';

/** MessagePack over the WebSockets of the `ws` package: Node, Bun, Deno. */
export const binaryWire: Wire = {
  encode(batch) {
    const frame = encodeFrame(batch);
    return { bytes: frame.length, stamped: (seq) => stampSeq(frame, seq) };
  },
  body({ columns, rows }) {
    const content = packMessage({ columns, rows });
    return { bytes: content.length, contentType: 'application/msgpack', content };
  },
  connect: (handlers, options) => new WsConnection(handlers, options),
};
