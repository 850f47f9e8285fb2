/**
 * A failure as ClickHouse words it: `Code: 60. DB::Exception: <message>. (UNKNOWN_TABLE) (version 26.7.2.1)`.
 * Clients parse code and name out of that text, so both the engine's own errors and ours keep its form.
 */
export class ClickHouseException extends Error {
  override readonly name = 'ClickHouseException';
  readonly code: number;
  readonly type: string;

  constructor(type: ExceptionType, message: string) {
    super(message);
    this.code = exceptionCodes[type];
    this.type = type;
  }

  /** The engine's own text, or anything else that was thrown as code 1002. */
  static from(error: unknown): ClickHouseException {
    if (error instanceof ClickHouseException) return error;
    const text = error instanceof Error ? error.message : String(error);
    const exception = new ClickHouseException('UNKNOWN_EXCEPTION', cut(text));
    let said = parseException(text);
    if (said === null) return exception;
    // The engine sometimes wraps the same exception once more, or twice.
    for (let inner = innerOf(said); inner !== null; inner = innerOf(inner)) said = inner;
    const { code, type, message } = said;
    return Object.assign(exception, { code, type, message: cut(message) });
  }

  text(version: string): string {
    return `Code: ${this.code}. DB::Exception: ${this.message} (${this.type}) (version ${version})`;
  }

  get httpStatus(): number {
    return statusOfCode.get(this.code) ?? 500;
  }
}

interface SaidException {
  readonly code: number;
  readonly type: string;
  readonly message: string;
  readonly hasVersion: boolean;
}

/**
 * Null when it is no text of the engine's. Its end is missing when a NUL is in it, as in a statement it quotes: to the
 * binding that is where a text ends. A message is as long as a statement makes it (`throwIf(1, repeat(' ', 1e6))`), so
 * nothing is searched for in it: only its two ends are looked at.
 */
function parseException(text: string): SaidException | null {
  const head = headPattern.exec(text.slice(0, headCharactersMax));
  if (head === null) return null;
  const trimmed = text.trimEnd();
  const tailStart = Math.max(head[0].length, trimmed.length - tailCharactersMax);
  const tail = tailPattern.exec(trimmed.slice(tailStart));
  const message = trimmed.slice(head[0].length, tail === null ? undefined : tailStart + tail.index).trimEnd();
  const code = Number(head[1]);
  return { code, type: tail?.[1] ?? typeOf(code), message, hasVersion: tail?.[2] !== undefined };
}

function innerOf({ code, message }: SaidException): SaidException | null {
  const inner = parseException(message);
  return inner?.hasVersion === true && inner.code === code ? inner : null;
}

const headCharactersMax = 64;
const tailCharactersMax = 256;
const headPattern = /^Code: (\d+)\. DB::Exception: /;
const tailPattern = /\(([A-Z][A-Z0-9_]*)\)\s*(\(version [^)]*\))?\.?$/;

/** Of a message, for an answer: what a statement makes the engine say may be as large as any result. */
const messageCharactersMax = 65_536;

function cut(message: string): string {
  return message.length > messageCharactersMax ? `${message.slice(0, messageCharactersMax)}…` : message;
}

/** Codes this façade raises itself. */
const exceptionCodes = {
  BAD_ARGUMENTS: 36,
  UNKNOWN_FUNCTION: 46,
  NOT_IMPLEMENTED: 48,
  UNKNOWN_TABLE: 60,
  SYNTAX_ERROR: 62,
  CANNOT_READ_ALL_DATA: 33,
  TOO_LARGE_SIZE_COMPRESSED: 39,
  CHECKSUM_DOESNT_MATCH: 40,
  UNKNOWN_COMPRESSION_METHOD: 89,
  UNKNOWN_SETTING: 115,
  READONLY: 164,
  REQUIRED_PASSWORD: 194,
  QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING: 216,
  TOO_MANY_SIMULTANEOUS_QUERIES: 202,
  ABORTED: 236,
  MEMORY_LIMIT_EXCEEDED: 241,
  NOT_ENOUGH_SPACE: 243,
  QUERY_IS_TOO_LARGE: 223,
  SESSION_NOT_FOUND: 372,
  SESSION_IS_LOCKED: 373,
  INVALID_SESSION_TIMEOUT: 374,
  QUERY_WAS_CANCELLED: 394,
  UNKNOWN_FORMAT: 73,
  UNKNOWN_DATABASE: 81,
  TIMEOUT_EXCEEDED: 159,
  TOO_MANY_BYTES: 307,
  TOO_MANY_ROWS_OR_BYTES: 396,
  CANNOT_DECOMPRESS: 271,
  ZLIB_INFLATE_FAILED: 354,
  BROTLI_READ_FAILED: 448,
  ZSTD_DECODER_FAILED: 561,
  LZ4_DECODER_FAILED: 618,
  SETTING_CONSTRAINT_VIOLATION: 452,
  ACCESS_STORAGE_READONLY: 495,
  ACCESS_DENIED: 497,
  UNKNOWN_ROLE: 511,
  AUTHENTICATION_FAILED: 516,
  CLUSTER_DOESNT_EXIST: 701,
  UNKNOWN_EXCEPTION: 1002,
} as const;

export type ExceptionType = keyof typeof exceptionCodes;

function typeOf(code: number): string {
  return Object.entries(exceptionCodes).find(([, known]) => known === code)?.[0] ?? 'UNKNOWN_EXCEPTION';
}

/**
 * ClickHouse's `exceptionCodeToHTTPStatus`, and two of ours: 202 and 236 are answered with 503, because both
 * pass by themselves; a full server answers 500 for them.
 */
const statusOfCode: ReadonlyMap<number, number> = new Map(
  Object.entries({
    401: [194],
    403: [192, 193, 497, 511, 516],
    400: [6, 26, 27, 36, 38, 41, 42, 43, 44, 53, 62, 63, 69, 70, 72, 117, 130, 131, 321, 354, 427, 456, 457, 621, 636],
    404: [16, 46, 47, 50, 60, 73, 79, 81, 108, 115, 392],
    408: [159],
    413: [223, 307],
    501: [48],
    503: [76, 202, 209, 236, 439],
  }).flatMap(([status, codes]) => codes.map((code) => [code, Number(status)] as const)),
);
