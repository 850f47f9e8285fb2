/**
 * Reads `seq` from the first bytes of a frame without decoding it, when it is the first key of the map, as
 * the SDK sends it. Only a hint, so that a resent frame need not be decoded twice: `null` means "not seen
 * here", never "absent".
 */
export function peekSeq(frame: Uint8Array, format: 'msgpack' | 'json'): number | null {
  return format === 'msgpack' ? peekMsgpack(frame) : peekJson(frame);
}

// Hot path: once a frame. fixmap of 2 or 3 entries, fixstr "seq", then a positive integer or a float64.
function peekMsgpack(frame: Uint8Array): number | null {
  const head = frame[0];
  if ((head !== 0x82 && head !== 0x83) || frame.length < 14) return null;
  if (frame[1] !== 0xa3 || frame[2] !== 0x73 || frame[3] !== 0x65 || frame[4] !== 0x71) return null;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const marker = frame[5]!;
  if (marker < 0x80) return marker;
  switch (marker) {
    case 0xcc:
      return view.getUint8(6);
    case 0xcd:
      return view.getUint16(6);
    case 0xce:
      return view.getUint32(6);
    case 0xcf:
      return view.getUint32(6) * 2 ** 32 + view.getUint32(10);
    case 0xcb:
      return view.getFloat64(6);
    default:
      return null;
  }
}

function peekJson(frame: Uint8Array): number | null {
  const start = Buffer.from(frame.buffer, frame.byteOffset, Math.min(frame.byteLength, 40)).toString('latin1');
  const digits = /^\s*\{\s*"seq"\s*:\s*(\d{1,16})\s*,/.exec(start)?.[1];
  return digits === undefined ? null : Number(digits);
}
