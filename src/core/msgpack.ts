import { Packr, Unpackr } from 'msgpackr';

/**
 * MessagePack for messages we make or trust: the server's answers, the SDK's frames and JSON on its way to
 * the decoder. Frames from strangers are read by `src/decode`, never by this. Plain maps, no records.
 */
const packr = new Packr({ useRecords: false, moreTypes: false, structuredClone: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, moreTypes: false, int64AsType: 'number' });

/** A fresh copy: msgpackr's own buffer is reused by its next call. */
export function packMessage(message: unknown): Uint8Array {
  return Uint8Array.prototype.slice.call(packr.pack(message));
}

/** Throws on anything malformed; the text of that error can carry data, so it is not for logs. */
export function unpackMessage(bytes: Uint8Array): unknown {
  return unpackr.unpack(bytes);
}

/** One message after another. Throws as `unpackMessage`. */
export function unpackMessages(bytes: Uint8Array): unknown[] {
  return unpackr.unpackMultiple(bytes) as unknown[];
}
