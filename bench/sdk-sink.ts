import { WebSocketServer } from 'ws';
import { packMessage } from '../src/core/msgpack.js';
import { peekSeq } from '../src/ingest/peek-seq.js';

/** Acknowledges each frame and keeps nothing; its argument is the port. */
const server = new WebSocketServer({ port: Number(process.argv[2]), host: '127.0.0.1', perMessageDeflate: false });
server.on('connection', (socket) => {
  socket.send(packMessage({ op: 'hello', producer: 'p', last_seq: 0, credit: 64, max_frame_bytes: 1_048_576 }));
  socket.on('message', (data: Buffer) => socket.send(packMessage({ op: 'ack', seq: peekSeq(data, 'msgpack') })));
});
server.once('listening', () => process.send?.('listening'));
