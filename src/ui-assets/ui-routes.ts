import { CollectorError } from '../core/errors.js';
import type { HttpReply, HttpRequest, HttpRoute } from '../core/ports/http-route.js';
import { pagePaths } from './page-paths.js';
import type { UiFile, UiFiles } from './ui-files.js';

/**
 * What a page may do: load what this origin serves, ask this origin, and nothing else. No script or style stands in
 * the document, none is made of text, and no other page may frame it.
 */
const contentSecurityPolicy =
  "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const pageHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': contentSecurityPolicy,
  'referrer-policy': 'no-referrer',
  vary: 'accept, accept-encoding',
};

/**
 * The routes with the pages of the UI beside them. At `/` browsers get the page; a program, and `curl`, is told what
 * the route of that path tells. Without files the addresses of the pages say how they are made.
 */
export function withPages(routes: readonly HttpRoute[], files: UiFiles | null): readonly HttpRoute[] {
  const pages = pagePaths.map((path): HttpRoute => keyless(path, (request) => pageReply(files, request)));
  const asset = keyless('/assets/{name}', (request) => assetReply(files, request));
  return [...routes.map((route) => (route.path === '/' ? rootOf(route, files) : route)), ...pages, asset];
}

function rootOf(index: HttpRoute, files: UiFiles | null): HttpRoute {
  const handle: HttpRoute['handle'] = (request, principal) =>
    wantsPage(request) ? pageReply(files, request) : index.handle(request, principal);
  return { ...index, handle };
}

function keyless(path: string, handle: (request: HttpRequest) => HttpReply): HttpRoute {
  return { method: 'GET', path, scope: null, handle };
}

function pageReply(files: UiFiles | null, request: HttpRequest): HttpReply {
  if (files !== null) return fileReply(files.index, request, pageHeaders);
  const body = 'The pages are not built: npm run build makes them, and a collector started afterwards serves them.\n';
  return { status: 404, headers: { ...pageHeaders, 'content-type': 'text/plain; charset=utf-8' }, body };
}

/** Kept by browsers for good: another content has another name. */
function assetReply(files: UiFiles | null, request: HttpRequest): HttpReply {
  const file = files?.assets.get(request.params.name ?? '');
  if (file === undefined) throw new CollectorError('not_found', 'there is no such file, it may be of another version');
  return fileReply(file, request, {
    'cache-control': 'public, max-age=31536000, immutable',
    vary: 'accept-encoding',
  });
}

function fileReply(file: UiFile, request: HttpRequest, headers: Readonly<Record<string, string>>): HttpReply {
  const encoding = encodingOf(request);
  return {
    status: 200,
    headers: {
      ...headers,
      'content-type': file.contentType,
      ...(encoding === 'plain' ? {} : { 'content-encoding': encoding }),
    },
    body: file[encoding],
  };
}

/** The best form that is welcome by its name: one that is refused (`br;q=0`), or only meant by `*`, is not sent. */
function encodingOf(request: HttpRequest): 'br' | 'gzip' | 'plain' {
  const offers = (request.headers.get('accept-encoding') ?? '').toLowerCase().split(',');
  const welcome = (name: string): boolean =>
    offers.some((offer) => {
      const [coding = '', ...parameters] = offer.split(';').map((part) => part.trim());
      return coding === name && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
    });
  if (welcome('br')) return 'br';
  return welcome('gzip') ? 'gzip' : 'plain';
}

/** Browsers ask for a document by its type; a program that takes anything is told what there is to ask. */
function wantsPage(request: HttpRequest): boolean {
  return (request.headers.get('accept') ?? '').toLowerCase().includes('text/html');
}
