/** What the collector says, version 1 of the protocol. */
export type ServerMessage =
  | {
      readonly op: 'hello';
      readonly producer: string;
      readonly last_seq: number;
      readonly credit: number;
      readonly max_frame_bytes: number;
    }
  | { readonly op: 'ack'; readonly seq: number }
  | { readonly op: 'reject'; readonly seq: number; readonly accepted: number; readonly errors: readonly ListedError[] }
  | { readonly op: 'credit'; readonly credit: number }
  | { readonly op: 'error'; readonly code: string; readonly message: string; readonly retry_after?: number };

interface ListedError {
  readonly index: number;
  readonly code: string;
  readonly path: string;
  readonly message: string;
}

/** `null` for what this version does not know: a newer collector may say more, and an older client goes on. */
export function readServerMessage(value: unknown): ServerMessage | null {
  if (value === null || typeof value !== 'object') return null;
  const message = value as Readonly<Record<string, unknown>>;
  switch (message.op) {
    case 'hello':
      return numbersIn(message, ['last_seq', 'credit', 'max_frame_bytes']) ? (message as never) : null;
    case 'ack':
      return numbersIn(message, ['seq']) ? (message as never) : null;
    case 'reject':
      return numbersIn(message, ['seq', 'accepted']) && Array.isArray(message.errors) ? (message as never) : null;
    case 'credit':
      return numbersIn(message, ['credit']) ? (message as never) : null;
    case 'error':
      return typeof message.code === 'string' ? (message as never) : null;
    default:
      return null;
  }
}

function numbersIn(message: Readonly<Record<string, unknown>>, names: readonly string[]): boolean {
  return names.every((name) => typeof message[name] === 'number');
}
