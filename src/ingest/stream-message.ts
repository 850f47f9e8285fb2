import type { EventError } from '../core/event-batch.js';
import { packMessage } from '../core/msgpack.js';

/** What the server says on `/v1/stream`. */
export type StreamMessage =
  | {
      readonly op: 'hello';
      readonly producer: string;
      readonly last_seq: number;
      readonly credit: number;
      readonly max_frame_bytes: number;
    }
  | { readonly op: 'ack'; readonly seq: number }
  | { readonly op: 'reject'; readonly seq: number; readonly accepted: number; readonly errors: readonly EventError[] }
  | { readonly op: 'credit'; readonly credit: number }
  | {
      readonly op: 'error';
      readonly code: string;
      readonly message: string;
      /** Seconds until it is worth another try, where that is known. */
      readonly retry_after?: number;
    };

/** The server answers in kind: MessagePack to binary frames, JSON to text frames. */
export type StreamEncoding = 'msgpack' | 'json';

export function encodeStreamMessage(message: StreamMessage, encoding: StreamEncoding): Uint8Array | string {
  return encoding === 'msgpack' ? packMessage(message) : JSON.stringify(message);
}
