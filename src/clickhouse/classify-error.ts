import { CollectorError, errorMessage } from '../core/errors.js';

/**
 * What a failed statement means for whoever sent it, by the number ClickHouse gives its error (`ErrorCodes.cpp`)
 * or, when there is no number, by the fact that no answer came. Message texts are never matched.
 *
 * `store_rejected` is about this statement and its data: another attempt fails the same way. Only numbers that are
 * known to mean that count; a failing disk, a defect, or what a later version made up say nothing about the rows
 * (`store_failed`). What concerns the account, the server or the table as a whole (a wrong password, a missing grant or
 * table, a read-only replica) heals when the operator acts, so the segment waits (`store_unreachable`).
 */
export type StoreErrorCode = 'store_rejected' | 'store_overloaded' | 'store_unreachable' | 'store_failed';

/** The rows, or the statement, are not what the table takes. */
const rejectedNumbers: ReadonlySet<number> = new Set([
  6, // CANNOT_PARSE_TEXT
  8, // THERE_IS_NO_COLUMN
  10, // NOT_FOUND_COLUMN_IN_BLOCK
  15, // DUPLICATE_COLUMN
  16, // NO_SUCH_COLUMN_IN_TABLE
  20, // NUMBER_OF_COLUMNS_DOESNT_MATCH
  26, // CANNOT_PARSE_QUOTED_STRING
  27, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  32, // ATTEMPT_TO_READ_AFTER_EOF: the file has the size its log says, so it is not a cut one
  33, // CANNOT_READ_ALL_DATA: as above
  34, // TOO_MANY_ARGUMENTS_FOR_FUNCTION
  36, // BAD_ARGUMENTS
  38, // CANNOT_PARSE_DATE
  41, // CANNOT_PARSE_DATETIME
  42, // NUMBER_OF_ARGUMENTS_DOESNT_MATCH
  43, // ILLEGAL_TYPE_OF_ARGUMENT
  44, // ILLEGAL_COLUMN
  46, // UNKNOWN_FUNCTION
  47, // UNKNOWN_IDENTIFIER
  50, // UNKNOWN_TYPE
  53, // TYPE_MISMATCH
  57, // TABLE_ALREADY_EXISTS
  62, // SYNTAX_ERROR
  69, // ARGUMENT_OUT_OF_BOUND
  70, // CANNOT_CONVERT_TYPE
  72, // CANNOT_PARSE_NUMBER
  73, // UNKNOWN_FORMAT
  115, // UNKNOWN_SETTING
  117, // INCORRECT_DATA
  128, // TOO_LARGE_ARRAY_SIZE
  130, // CANNOT_READ_ARRAY_FROM_TEXT
  131, // TOO_LARGE_STRING_SIZE
  153, // ILLEGAL_DIVISION
  158, // TOO_MANY_ROWS
  167, // TOO_DEEP_PIPELINE_OR_NESTING
  190, // SIZES_OF_ARRAYS_DONT_MATCH
  232, // NO_SUCH_DATA_PART
  248, // INVALID_PARTITION_VALUE
  307, // TOO_MANY_BYTES
  349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
  352, // AMBIGUOUS_COLUMN_NAME
  386, // NO_COMMON_TYPE
  395, // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
  396, // TOO_MANY_ROWS_OR_BYTES
  407, // DECIMAL_OVERFLOW
  452, // SETTING_CONSTRAINT_VIOLATION
  456, // UNKNOWN_QUERY_PARAMETER
  457, // BAD_QUERY_PARAMETER
  469, // VIOLATED_CONSTRAINT
  691, // UNKNOWN_ELEMENT_OF_ENUM
]);

/** Short of memory, parts, threads, time or disk: the same statement may pass later. */
const overloadNumbers: ReadonlySet<number> = new Set([
  159, // TIMEOUT_EXCEEDED
  160, // TOO_SLOW
  173, // CANNOT_ALLOCATE_MEMORY
  201, // QUOTA_EXCEEDED
  202, // TOO_MANY_SIMULTANEOUS_QUERIES
  209, // SOCKET_TIMEOUT
  236, // ABORTED: the server stops or cancels background work
  241, // MEMORY_LIMIT_EXCEEDED
  243, // NOT_ENOUGH_SPACE
  252, // TOO_MANY_PARTS
  285, // TOO_FEW_LIVE_REPLICAS
  286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
  319, // UNKNOWN_STATUS_OF_INSERT: the token makes the replay harmless
  394, // QUERY_WAS_CANCELLED
  425, // SYSTEM_ERROR
  439, // CANNOT_SCHEDULE_TASK
  473, // DEADLOCK_AVOIDED
]);

/** The server, the account or the whole table cannot be used now. */
const unreachableNumbers: ReadonlySet<number> = new Set([
  3, // UNEXPECTED_END_OF_FILE: the body was cut; the file on disk is checked before each insert
  60, // UNKNOWN_TABLE: dropped, or migrations have not run yet
  74, // CANNOT_READ_FROM_FILE_DESCRIPTOR
  75, // CANNOT_WRITE_TO_FILE_DESCRIPTOR
  76, // CANNOT_OPEN_FILE
  81, // UNKNOWN_DATABASE
  95, // CANNOT_READ_FROM_SOCKET
  96, // CANNOT_WRITE_TO_SOCKET
  164, // READONLY
  192, // UNKNOWN_USER
  193, // WRONG_PASSWORD
  194, // REQUIRED_PASSWORD
  198, // DNS_ERROR
  203, // NO_FREE_CONNECTION
  210, // NETWORK_ERROR
  225, // NO_ZOOKEEPER
  242, // TABLE_IS_READ_ONLY
  244, // UNEXPECTED_ZOOKEEPER_ERROR
  279, // ALL_CONNECTION_TRIES_FAILED
  497, // ACCESS_DENIED
  516, // AUTHENTICATION_FAILED
  999, // KEEPER_EXCEPTION
]);

export function classifyError(error: unknown): StoreErrorCode {
  const number = storeErrorNumber(error);
  if (number === null) return 'store_unreachable';
  if (overloadNumbers.has(number)) return 'store_overloaded';
  if (unreachableNumbers.has(number)) return 'store_unreachable';
  return rejectedNumbers.has(number) ? 'store_rejected' : 'store_failed';
}

/** Of one replica: another may do what this one cannot. */
const replicaNumbers: ReadonlySet<number> = new Set([
  202, // TOO_MANY_SIMULTANEOUS_QUERIES
  225, // NO_ZOOKEEPER
  242, // TABLE_IS_READ_ONLY
  999, // KEEPER_EXCEPTION
]);

/** Whether an error of the client says that this server cannot be used now, and another of the store might be. */
export function isServerOut(error: unknown): boolean {
  const number = storeErrorNumber(error);
  if (number !== null) return replicaNumbers.has(number);
  // Errors of sockets, names and certificates have a code of the system; an answer that cannot be read has none.
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code !== 'ABORT_ERR';
}

/** Errors of a connection that was never made. */
const unsentCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
]);

/** Whether nothing of a request reached the server, so that it may be sent to another whatever it does. */
export function isUnsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && unsentCodes.has(error.code);
}

/** The number of a ClickHouse error, of the error itself or of what caused it; null when there is none. */
export function storeErrorNumber(error: unknown): number | null {
  if (typeof error !== 'object' || error === null) return null;
  if ('code' in error && typeof error.code === 'string' && /^\d{1,5}$/.test(error.code)) return Number(error.code);
  return error instanceof CollectorError ? storeErrorNumber(error.cause) : null;
}

/** `what` reads on from "cannot": "insert segment 17". */
export function storeError(what: string, error: unknown): CollectorError {
  const number = storeErrorNumber(error);
  const named = number === null ? '' : ` (ClickHouse error ${number})`;
  return new CollectorError(classifyError(error), `cannot ${what}: ${oneLine(errorMessage(error))}${named}`, {
    cause: error,
  });
}

/** ClickHouse repeats statements and stack traces in its messages: a log line carries their beginning. */
function oneLine(message: string): string {
  const flat = message.replaceAll(/\s+/g, ' ').trim();
  return flat.length > 500 ? `${flat.slice(0, 500)}…` : flat;
}
