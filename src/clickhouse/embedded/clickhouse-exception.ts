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
    const exception = new ClickHouseException('UNKNOWN_EXCEPTION', text);
    const match = enginePattern.exec(text);
    if (match === null) return exception;
    let message = match[2] ?? '';
    for (let inner = innerPattern.exec(message); inner?.[1] === match[1]; inner = innerPattern.exec(message)) {
      message = inner?.[2] ?? '';
    }
    return Object.assign(exception, { code: Number(match[1]), type: match[3] ?? 'UNKNOWN_EXCEPTION', message });
  }

  text(version: string): string {
    return `Code: ${this.code}. DB::Exception: ${this.message} (${this.type}) (version ${version})`;
  }

  get httpStatus(): number {
    return statusOfCode.get(this.code) ?? 500;
  }
}

const enginePattern = /^Code: (\d+)\. DB::Exception: ([\s\S]*?)\s*\(([A-Z][A-Z0-9_]*)\)\s*(?:\(version [^)]*\))?\s*$/;
/** The engine sometimes wraps the same exception once more, or twice. */
const innerPattern = /^Code: (\d+)\. DB::Exception: ([\s\S]*?)\s*\([A-Z][A-Z0-9_]*\) \(version [^)]*\)\.?$/;

/** Codes this façade raises itself. */
const exceptionCodes = {
  BAD_ARGUMENTS: 36,
  UNKNOWN_FUNCTION: 46,
  NOT_IMPLEMENTED: 48,
  UNKNOWN_TABLE: 60,
  SYNTAX_ERROR: 62,
  CANNOT_READ_ALL_DATA: 33,
  READONLY: 164,
  REQUIRED_PASSWORD: 194,
  TOO_MANY_SIMULTANEOUS_QUERIES: 202,
  ABORTED: 236,
  NOT_ENOUGH_SPACE: 243,
  QUERY_IS_TOO_LARGE: 223,
  QUERY_WAS_CANCELLED: 394,
  UNKNOWN_FORMAT: 73,
  UNKNOWN_DATABASE: 81,
  TIMEOUT_EXCEEDED: 159,
  TOO_MANY_BYTES: 307,
  TOO_MANY_ROWS_OR_BYTES: 396,
  ZLIB_INFLATE_FAILED: 354,
  ACCESS_DENIED: 497,
  AUTHENTICATION_FAILED: 516,
  UNKNOWN_EXCEPTION: 1002,
} as const;

export type ExceptionType = keyof typeof exceptionCodes;

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
