import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { errorTable } from '../../src/core/errors.js';
import type { SocketRoute } from '../../src/core/ports/socket-route.js';
import { FakeClock } from '../support/fake-clock.js';
import { serve } from '../support/served.js';
import { socketServer } from '../support/socket-server.js';

/** What a client makes of the protocol's bytes itself, against whatever serves WebSockets in this run. */

const payloadBytesMax = 65_536;

function echoing(closed: number[] = []): SocketRoute {
  return {
    path: '/echo',
    scope: 'read',
    payloadBytesMax,
    protocol: 'tidemark.v1',
    errorMessage: (error) => JSON.stringify({ op: 'error', ...error }),
    open: (socket) => ({
      message: (bytes, isBinary) =>
        void socket.send(
          isBinary ? bytes.slice() : `got ${Buffer.from(bytes).toString()}`,
          isBinary ? 'binary' : 'text',
        ),
      end: (code) => socket.close(errorTable[code].closeCode ?? 1011, code),
      closed: (code) => void closed.push(code),
    }),
  };
}

interface FrameOptions {
  readonly isPart?: boolean;
  readonly reservedBit?: number;
  /** What the head says of the length, in place of what it is. */
  readonly saidBytes?: number;
}

/** One masked frame (RFC 6455, 5.2). */
function frame(opcode: number, text: string | Uint8Array, options: FrameOptions = {}): Buffer {
  const payload = Buffer.from(text);
  const mask = Buffer.from([1, 2, 3, 4]);
  const bytes = options.saidBytes ?? payload.length;
  const first = (options.isPart === true ? 0 : 0x80) | (options.reservedBit ?? 0) | opcode;
  const length = Buffer.alloc(bytes < 126 ? 1 : bytes < 65_536 ? 3 : 9);
  if (bytes < 126) length[0] = 0x80 | bytes;
  else if (bytes < 65_536) length.writeUInt16BE(bytes, 1);
  else length.writeBigUInt64BE(BigInt(bytes), 1);
  if (bytes >= 126) length[0] = 0x80 | (bytes < 65_536 ? 126 : 127);
  return Buffer.concat([Buffer.from([first]), length, mask, payload.map((byte, at) => byte ^ mask[at % 4]!)]);
}

const [part, text, binary, close, ping, pong] = [0, 1, 2, 8, 9, 10];

interface Heard {
  readonly frames: string[];
  /** Set when the server has ended its side. */
  hasEnded: boolean;
}

/** Upgrades, sends these bytes behind the head, and keeps what comes back; the connection is never ended from here. */
function speak(host: string, ...sent: readonly Uint8Array[]) {
  const socket = connect({ host: '127.0.0.1', port: Number(host.split(':')[1]), allowHalfOpen: true });
  const heard: Heard = { frames: [], hasEnded: false };
  let bytes = Buffer.alloc(0);
  socket.on('error', () => undefined);
  socket.on('end', () => {
    heard.hasEnded = true;
  });
  socket.on('data', (data) => {
    bytes = Buffer.concat([bytes, data]);
    heard.frames.splice(0, Number.POSITIVE_INFINITY, ...framesOf(bytes));
  });
  const head = [
    'GET /echo HTTP/1.1',
    `Host: ${host}`,
    'Authorization: Bearer good',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    '\r\n',
  ];
  socket.write(Buffer.concat([Buffer.from(head.join('\r\n')), ...sent]));
  return { socket, heard };
}

/** Of an answer: its frames in words, without the head of the upgrade. */
function framesOf(bytes: Buffer): string[] {
  const frames: string[] = [];
  let at = bytes.indexOf('\r\n\r\n') + 4;
  while (at >= 4 && at + 2 <= bytes.length) {
    const opcode = bytes[at]! & 0x0f;
    const short = bytes[at + 1]! & 0x7f;
    const from = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
    const payload = bytes.subarray(from, from + length);
    const name =
      ['part', 'text', 'binary'][opcode] ?? { 8: 'close', 9: 'ping', 10: 'pong' }[opcode] ?? `opcode ${opcode}`;
    const words = opcode === close ? `${length < 2 ? '' : payload.readUInt16BE(0)} ${payload.subarray(2)}` : payload;
    frames.push(`${name} ${words}`.trim());
    at = from + length;
  }
  return frames;
}

test.each([
  ['a message of more bytes than its route takes', frame(binary, new Uint8Array(payloadBytesMax + 1))],
  ['a message that only says to be so large', frame(binary, 'x', { saidBytes: 5_000_000_000 })],
  [
    'parts that are too large together',
    Buffer.concat([frame(binary, new Uint8Array(40_000), { isPart: true }), frame(part, new Uint8Array(40_000))]),
  ],
  ['an opcode that is none', frame(3, 'hi')],
  ['a bit that no extension has given a meaning', frame(text, 'hi', { reservedBit: 0x40 })],
  ['a ping in parts', frame(ping, 'hi', { isPart: true })],
  ['a ping of 126 bytes', frame(ping, new Uint8Array(126))],
  ['text that is not UTF-8', frame(text, Uint8Array.of(0xff, 0xfe))],
  ['a part of nothing', frame(part, 'hi')],
  ['a message within a message', Buffer.concat([frame(text, 'a', { isPart: true }), frame(text, 'b')])],
])('%s ends the connection, and its route hears of none of it', async (_what, sent) => {
  const closed: number[] = [];
  const { host, server } = await serve({ sockets: [echoing(closed)] });
  const { socket, heard } = speak(host, sent);
  await expect.poll(() => heard.hasEnded).toBe(true);
  expect(heard.frames.filter((word) => !word.startsWith('close'))).toEqual([]);
  await expect.poll(() => closed).toEqual([1006]);
  expect(server.connections()).toBe(0);
  socket.destroy();
});

test('what comes in one piece with the head is a message, and parts with a ping between them are one', async () => {
  const { host } = await serve({ sockets: [echoing()] });
  const { socket, heard } = speak(host, frame(text, 'a', { isPart: true }), frame(ping, 'p'), frame(part, 'b'));
  await expect.poll(() => heard.frames).toEqual(['pong p', 'text got ab']);
  socket.write(frame(text, ''));
  await expect.poll(() => heard.frames.at(-1)).toBe('text got');
  socket.destroy();
});

test('a close is answered with its own code, and the route is told which it was', async () => {
  const closed: number[] = [];
  const { host } = await serve({ sockets: [echoing(closed)] });
  const { socket, heard } = speak(host, frame(close, Buffer.concat([Buffer.from([0x0f, 0xa0]), Buffer.from('why')])));
  await expect.poll(() => heard.frames).toEqual(['close 4000 why']);
  socket.end();
  await expect.poll(() => closed).toEqual([4000]);
});

test('a client that goes away without a word, or resets, leaves a route that knows and a free place', async () => {
  const closed: number[] = [];
  const { host, server } = await serve({ sockets: [echoing(closed)] });
  const gone = speak(host, frame(text, 'here'));
  const reset = speak(host, frame(text, 'here'));
  await expect.poll(() => [gone, reset].map(({ heard }) => heard.frames.length)).toEqual([1, 1]);
  gone.socket.end();
  reset.socket.resetAndDestroy();
  await expect.poll(() => closed).toEqual([1006, 1006]);
  expect(server.connections()).toBe(0);
});

test('a route that closes hears so at once, and nothing more that its client sends', async () => {
  const told: string[] = [];
  const route: SocketRoute = {
    ...echoing(),
    open: (socket) => ({
      message(bytes) {
        told.push(Buffer.from(bytes).toString());
        socket.close(4000, 'enough');
        told.push(socket.send('after'));
      },
      end() {},
      closed: (code) => void told.push(`closed ${code}`),
    }),
  };
  const { host, server } = await serve({ sockets: [route] });
  const { socket, heard } = speak(host, frame(text, 'one'), frame(text, 'two'));
  await expect.poll(() => heard.frames).toEqual(['close 4000 enough']);
  socket.write(frame(text, 'three'));
  // Its client never closes: the server does.
  await expect.poll(() => heard.hasEnded).toBe(true);
  expect(told).toEqual(['one', 'closed 4000', 'dropped']);
  expect(server.connections()).toBe(0);
  socket.destroy();
});

test('a client that reads nothing is dropped at the limit of what may wait for it', async () => {
  const outcomes: string[] = [];
  const closed: number[] = [];
  const route: SocketRoute = {
    ...echoing(),
    open: (socket) => ({
      message() {
        for (let sent = 0; sent < 400 && outcomes.at(-1) !== 'dropped'; sent++) {
          outcomes.push(socket.send(new Uint8Array(65_536)));
        }
      },
      end() {},
      closed: (code) => void closed.push(code),
    }),
  };
  const { host } = await serve({ sockets: [route], outboundBytesMax: 1_000_000 });
  const { socket, heard } = speak(host);
  await expect.poll(() => socket.bytesRead).toBeGreaterThan(0);
  socket.pause();
  socket.write(frame(text, 'begin'));
  await expect.poll(() => outcomes.at(-1)).toBe('dropped');
  await expect.poll(() => closed).toEqual([1006]);
  expect(outcomes).toContain('buffered');
  expect(heard.hasEnded).toBe(false);
  socket.destroy();
});

test.skipIf(socketServer !== 'node')(
  'a silent client is asked for a pong before its time is over, and one that answers stays',
  async () => {
    const clock = new FakeClock();
    const closed: number[] = [];
    const { host, server } = await serve({ sockets: [echoing(closed)], idleTimeoutSeconds: 45, clock });
    const silent = speak(host);
    const answering = speak(host);
    await expect.poll(() => server.connections()).toBe(2);
    for (let second = 0; second < 38; second += 2) clock.advance(2_000);
    await expect.poll(() => [silent, answering].map(({ heard }) => heard.frames)).toEqual([['ping'], ['ping']]);
    answering.socket.write(Buffer.concat([frame(pong, ''), frame(text, 'still here')]));
    await expect.poll(() => answering.heard.frames.at(-1)).toBe('text got still here');
    clock.advance(4_000);
    clock.advance(4_000);
    await expect.poll(() => closed).toEqual([1006]);
    await expect.poll(() => silent.heard.hasEnded).toBe(true);
    expect(server.connections()).toBe(1);
    answering.socket.destroy();
  },
);
