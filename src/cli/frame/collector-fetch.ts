import { Readable } from 'node:stream';
import { secureRequest, tlsMaterial } from '../../sdk/secure-request.js';
import type { TlsOptions } from '../../sdk/tls-options.js';

/** `fetch` with the certificate and the authorities of a command; redirects are as `init` has it. */
export async function collectorFetch(url: string, init: RequestInit, tls: TlsOptions): Promise<Response> {
  const material = url.startsWith('https:') ? tlsMaterial(tls) : null;
  if (material === null) return fetch(url, init);
  const answer = await secureRequest(url, init, material);
  const { statusCode: status = 500, headers } = answer;
  if (init.redirect === 'error' && status >= 300 && status < 400) {
    answer.destroy();
    throw new Error('it redirects elsewhere');
  }
  const type = headers['content-type'];
  const told = { status, headers: type === undefined ? {} : { 'content-type': type } };
  if (bodiless.has(status)) {
    answer.resume();
    return new Response(null, told);
  }
  return new Response(Readable.toWeb(answer) as ReadableStream<Uint8Array>, told);
}

/** `Response` takes none with these. */
const bodiless: ReadonlySet<number> = new Set([101, 204, 205, 304]);
