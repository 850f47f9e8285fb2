/**
 * RFC 3339 date-times, strict: `YYYY-MM-DDThh:mm:ss[.fraction](Z|±hh:mm)`, with real days of the month,
 * no leap second and no missing offset. Letters may be lower case. Digits past the millisecond are dropped.
 */

/** Milliseconds since the epoch, or NaN when the bytes are anything else. */
export function parseRfc3339(bytes: Uint8Array, offset: number, length: number): number {
  if (length < 20 || length > 64) return Number.NaN;
  const end = offset + length;
  const year = digits(bytes, offset, 4);
  const month = digits(bytes, offset + 5, 2);
  const day = digits(bytes, offset + 8, 2);
  const hour = digits(bytes, offset + 11, 2);
  const minute = digits(bytes, offset + 14, 2);
  const second = digits(bytes, offset + 17, 2);
  const separated =
    bytes[offset + 4] === 0x2d &&
    bytes[offset + 7] === 0x2d &&
    (bytes[offset + 10]! | 0x20) === 0x74 &&
    bytes[offset + 13] === 0x3a &&
    bytes[offset + 16] === 0x3a;
  if (!separated || year < 0 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return Number.NaN;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return Number.NaN;
  let at = offset + 19;
  let ms = 0;
  if (bytes[at] === 0x2e) {
    const start = ++at;
    let scale = 100;
    for (; at < end && isDigit(bytes[at]!); at++) {
      ms += (bytes[at]! - 0x30) * scale;
      scale = scale === 100 ? 10 : scale === 10 ? 1 : 0;
    }
    if (at === start) return Number.NaN;
  }
  const offsetMs = parseOffset(bytes, at, end);
  return (daysSinceEpoch(year, month, day) * 24 + hour) * 3_600_000 + minute * 60_000 + second * 1_000 + ms - offsetMs;
}

const scratch = new Uint8Array(64);

/** Whether bytes that are no date-time would be one with an offset behind them. */
export function isNaiveTime(bytes: Uint8Array, offset: number, length: number): boolean {
  if (length < 19 || length >= scratch.length) return false;
  scratch.set(bytes.subarray(offset, offset + length));
  scratch[length] = 0x5a;
  return !Number.isNaN(parseRfc3339(scratch, 0, length + 1));
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** The number of `count` digits, -1 when one is not a digit. */
function digits(bytes: Uint8Array, offset: number, count: number): number {
  let value = 0;
  for (let at = offset; at < offset + count; at++) {
    const byte = bytes[at]!;
    if (!isDigit(byte)) return -1;
    value = value * 10 + byte - 0x30;
  }
  return value;
}

function parseOffset(bytes: Uint8Array, at: number, end: number): number {
  const sign = bytes[at]!;
  if (at + 1 === end) return (sign | 0x20) === 0x7a ? 0 : Number.NaN;
  if (at + 6 !== end || (sign !== 0x2b && sign !== 0x2d) || bytes[at + 3] !== 0x3a) return Number.NaN;
  const hours = digits(bytes, at + 1, 2);
  const minutes = digits(bytes, at + 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return Number.NaN;
  const ms = (hours * 60 + minutes) * 60_000;
  return sign === 0x2b ? ms : -ms;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01, by the days-from-civil algorithm of Howard Hinnant (public domain). */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}
