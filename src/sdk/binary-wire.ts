import { packMessage } from '../core/msgpack.js';
import { columnsOf } from './event-columns.js';
import { encodeFrame, stampSeq } from './frame-encoder.js';
import type { Wire } from './wire.js';
import { WsConnection } from './ws-connection.js';

/** MessagePack over the WebSockets of the `ws` package: Node, Bun, Deno. */
export const binaryWire: Wire = {
  encode(events) {
    const frame = encodeFrame(events);
    return { bytes: frame.length, stamped: (seq) => stampSeq(frame, seq) };
  },
  body(events) {
    const content = packMessage(columnsOf(events)) as Uint8Array<ArrayBuffer>;
    return { bytes: content.length, contentType: 'application/msgpack', content };
  },
  connect: (handlers, options) => new WsConnection(handlers, options),
};
