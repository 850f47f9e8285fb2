import { unpackMessage } from '../core/msgpack.js';
import { readServerMessage, type ServerMessage } from './server-message.js';

/** Reads a message, MessagePack when it came in a binary frame, JSON otherwise; null for what cannot be read. */
export function parseServerMessage(bytes: Uint8Array, isBinary: boolean): ServerMessage | null {
  try {
    const text = (): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
    return readServerMessage(isBinary ? unpackMessage(bytes) : JSON.parse(text()));
  } catch {
    return null;
  }
}
