import { TextDecoder } from 'node:util';
import type { z } from 'zod';
import { CollectorError } from '../../core/errors.js';
import { notJson } from '../../core/json-fault.js';
import type { HttpRequest } from '../../core/ports/http-route.js';
import { type ProblemItem, quoted, RequestProblem } from '../../core/problem.js';

/** Problems listed in one answer. */
const problemsMax = 20;

/**
 * The body of a request, one JSON object, checked against a schema. Throws `media_type_unsupported` for anything but
 * plain `application/json`, and `body_invalid` that lists every field at fault.
 */
export function parseJsonBody<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  request: HttpRequest,
): z.output<z.ZodObject<Shape>> {
  mustBeJson(request);
  const parsed = schema.safeParse(jsonOf(request.body));
  if (parsed.success) return parsed.data;
  const known = Object.keys(schema.shape).join(', ');
  const items = parsed.error.issues.flatMap((issue): ProblemItem[] => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        return { path: key.slice(0, 64), code: 'body_invalid', message: `unknown field: known are ${known}` };
      });
    }
    const path = issue.path.join('.');
    const message = path === '' ? `expected a JSON object with ${known}` : issue.message;
    return [{ path, code: 'body_invalid', message }];
  });
  throw refused(items.slice(0, problemsMax));
}

function mustBeJson({ headers }: HttpRequest): void {
  const type = (headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const encoding = (headers.get('content-encoding') ?? 'identity').trim().toLowerCase();
  if (type === 'application/json' && encoding === 'identity') return;
  const given = type === 'application/json' ? `content encoding ${quoted(encoding)}` : `content type ${quoted(type)}`;
  throw new CollectorError('media_type_unsupported', `cannot read ${given}: send plain application/json`);
}

function jsonOf(bytes: Uint8Array): unknown {
  let text = '';
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return JSON.parse(text);
  } catch (error) {
    const cause = error instanceof SyntaxError ? `it is ${notJson(error, text)}` : 'it is not valid UTF-8';
    throw refused([{ path: '', code: 'body_invalid', message: `expected JSON in UTF-8: ${cause}` }]);
  }
}

function refused(items: readonly ProblemItem[]): RequestProblem {
  const summary = items.map(({ path, message }) => (path === '' ? message : `${quoted(path)}: ${message}`)).join('; ');
  return new RequestProblem('body_invalid', `cannot use the body: ${summary}`, items);
}
