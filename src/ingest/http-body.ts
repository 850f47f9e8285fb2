import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { CollectorError } from '../core/errors.js';
import type { FrameFormat } from '../core/event-batch.js';
import type { HttpRequest } from '../core/ports/http-route.js';

const gunzipAsync = promisify(gunzip);

/** The usual names first: those are the ones an error tells. */
const formats: Readonly<Record<string, FrameFormat>> = {
  'application/msgpack': 'msgpack',
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/x-msgpack': 'msgpack',
  'application/vnd.msgpack': 'msgpack',
  'application/ndjson': 'ndjson',
};

/** The frame format a content type names; throws `media_type_unsupported`. */
export function parseFormat(contentType: string | undefined): FrameFormat {
  const name = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const format = formats[name];
  if (format !== undefined) return format;
  throw new CollectorError(
    'media_type_unsupported',
    `cannot read content type "${name.slice(0, 80)}": send ${Object.keys(formats).slice(0, 3).join(', ')}`,
  );
}

/** The body as sent or inflated; throws `media_type_unsupported`, `body_too_large` or `body_invalid`. */
export async function inflateBody(request: HttpRequest, bytesMax: number): Promise<Uint8Array> {
  const encoding = (request.headers.get('content-encoding') ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity') return request.body;
  // An old name of the same (RFC 9110, 8.4.1.3).
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw new CollectorError(
      'media_type_unsupported',
      `cannot read content encoding "${encoding.slice(0, 80)}": send gzip`,
    );
  }
  try {
    return await gunzipAsync(request.body, { maxOutputLength: bytesMax });
  } catch (error) {
    if (error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
      throw new CollectorError('body_too_large', `the body inflates to more than ${bytesMax} bytes`, { cause: error });
    }
    throw new CollectorError('body_invalid', 'cannot inflate the body: it is not valid gzip', { cause: error });
  }
}
