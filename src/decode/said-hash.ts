import { type ByteSource, createByteSource } from './byte-range.js';
import { fieldKinds, kindCodes } from './field-table.js';
import { entryKinds, type StagedEvent } from './staged-event.js';
import { hashWide, wide } from './wide-hash.js';

/** Sets what is said apart from ids, which are hashed with the same seeds. */
const saidSalt = 0x7feb_352d;
const scratch: ByteSource = createByteSource(new ArrayBuffer(8));

/**
 * A 64-bit hash of what an event says, whatever the order of its fields, of the keys of its maps, and the format it
 * came in; left in `wide`. An event sent twice says the same twice. Hot path: once an end without event_id.
 */
export function hashSaid(event: StagedEvent, source: ByteSource, seedLow: number, seedHigh: number): void {
  wide.low = seedLow ^ saidSalt;
  wide.high = seedHigh;
  for (let bits = event.presentLow; bits !== 0; bits &= bits - 1) {
    hashField(31 - Math.clz32(bits & -bits), event, source);
  }
  for (let bits = event.presentHigh; bits !== 0; bits &= bits - 1) {
    hashField(63 - Math.clz32(bits & -bits), event, source);
  }
}

function hashField(field: number, event: StagedEvent, source: ByteSource): void {
  const low = wide.low ^ Math.imul(field + 1, 0x9e37_79b1);
  const { high } = wide;
  switch (fieldKinds[field]) {
    case kindCodes.string:
      hashWide(source, event.offsets[field]!, event.lengths[field]!, low, high);
      break;
    case kindCodes.scalar_map:
    case kindCodes.string_map:
      hashEntries(field, event, source, low, high, true);
      break;
    case kindCodes.string_list:
      hashEntries(field, event, source, low, high, false);
      break;
    case kindCodes.hash:
      scratch.view.setUint32(0, event.hashLow, true);
      scratch.view.setUint32(4, event.hashHigh, true);
      hashWide(scratch, 0, 8, low, high);
      break;
    default:
      hashNumber(event.numbers[field]!, low, high);
  }
}

function hashNumber(value: number, low: number, high: number): void {
  scratch.view.setFloat64(0, value, true);
  hashWide(scratch, 0, 8, low, high);
}

/** The entries of a map add up, so that their order is of no account; those of a list follow each other. */
function hashEntries(
  field: number,
  event: StagedEvent,
  source: ByteSource,
  low: number,
  high: number,
  isMap: boolean,
): void {
  const base = event.entryBase[field]!;
  const end = base + event.entryCounts[field]!;
  let lowSum = low;
  let highSum = high;
  for (let entry = base; entry < end; entry++) {
    wide.low = isMap ? low : lowSum;
    wide.high = isMap ? high : highSum;
    if (isMap) hashWide(source, event.keyOffsets[entry]!, event.keyLengths[entry]!, wide.low, wide.high);
    hashEntry(entry, event, source);
    lowSum = isMap ? (lowSum + wide.low) | 0 : wide.low;
    highSum = isMap ? (highSum + wide.high) | 0 : wide.high;
  }
  wide.low = lowSum;
  wide.high = highSum;
}

function hashEntry(entry: number, event: StagedEvent, source: ByteSource): void {
  const kind = event.entryKind[entry]!;
  const low = wide.low ^ (kind + 1);
  if (kind === entryKinds.text) {
    hashWide(source, event.entryOffsets[entry]!, event.entryLengths[entry]!, low, wide.high);
  } else {
    hashNumber(kind === entryKinds.number ? event.entryNumbers[entry]! : 0, low, wide.high);
  }
}
