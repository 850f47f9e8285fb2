import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { HttpReply } from '../core/ports/http-route.js';
import { problem } from '../core/problem.js';
import { type ReplyOptions, writeReply } from './reply-writer.js';
import type { RequestHead } from './request-head.js';

/** What RFC 6455 asks of an upgrade's head; null when all of it is there. */
export function upgradeFault(head: RequestHead): HttpReply | null {
  if (head.headers.get('sec-websocket-version') !== '13') {
    return problem('websocket_required', {
      detail: 'Sec-WebSocket-Version must be 13',
      headers: { ...upgradeHeaders, 'sec-websocket-version': '13' },
    });
  }
  if (keyPattern.test(head.headers.get('sec-websocket-key') ?? '')) return null;
  return problem('request_malformed', { detail: 'Sec-WebSocket-Key is not 16 bytes in base64' });
}

/** For a plain request of a path that speaks WebSocket. */
export function webSocketRequired(): HttpReply {
  return problem('websocket_required', { headers: upgradeHeaders });
}

const upgradeHeaders = { upgrade: 'websocket', connection: 'upgrade' } as const;
const keyPattern = /^[+/0-9A-Za-z]{22}==$/;

/** Node has let go of a connection that asks for an upgrade: its answer is written here, and is the last. */
export async function refuseUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  of: { readonly reply: HttpReply; readonly options: Omit<ReplyOptions, 'headOnly' | 'closeConnection'> },
): Promise<void> {
  const response = new ServerResponse(request);
  response.assignSocket(socket as Socket);
  socket.on('error', () => socket.destroy());
  response.on('finish', () => {
    socket.end();
    of.options.clock.setTimer(lingerMs, () => socket.destroy());
  });
  await writeReply(response, of.reply, { ...of.options, headOnly: false, closeConnection: true });
}

const lingerMs = 500;
