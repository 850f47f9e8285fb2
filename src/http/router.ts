import type { HttpRoute } from '../core/ports/http-route.js';

export type RouteMatch =
  | { readonly kind: 'found'; readonly route: HttpRoute; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'method_not_allowed'; readonly allowed: readonly string[] }
  | { readonly kind: 'path_unknown' };

interface ParsedRoute {
  readonly route: HttpRoute;
  /** A literal segment, or `{name}` without its braces marked by `parameter`. */
  readonly segments: readonly { readonly text: string; readonly parameter: boolean }[];
}

/**
 * Finds the route of a path. A literal segment wins over a parameter; `HEAD` is served by `GET`.
 * Parameters are percent-decoded; a malformed escape matches nothing.
 */
export function createRouter(routes: readonly HttpRoute[]): (method: string, path: string) => RouteMatch {
  const parsed = routes.map(parseRoute);
  return (method, path) => {
    const wanted = method === 'HEAD' ? 'GET' : method;
    const parts = path.split('/');
    const onPath = parsed.filter((candidate) => matches(candidate, parts));
    const literalFirst = onPath.sort((a, b) => parameterCount(a) - parameterCount(b));
    const found = literalFirst.find((candidate) => candidate.route.method === wanted);
    if (found !== undefined) {
      const params = decodeParams(found, parts);
      return params === null ? { kind: 'path_unknown' } : { kind: 'found', route: found.route, params };
    }
    if (onPath.length === 0) return { kind: 'path_unknown' };
    return { kind: 'method_not_allowed', allowed: [...new Set(onPath.map((candidate) => candidate.route.method))] };
  };
}

function parseRoute(route: HttpRoute): ParsedRoute {
  const segments = route.path.split('/').map((segment) => {
    const parameter = segment.startsWith('{') && segment.endsWith('}');
    return { text: parameter ? segment.slice(1, -1) : segment, parameter };
  });
  return { route, segments };
}

function matches(candidate: ParsedRoute, parts: readonly string[]): boolean {
  if (candidate.segments.length !== parts.length) return false;
  return candidate.segments.every((segment, index) =>
    segment.parameter ? parts[index] !== '' : segment.text === parts[index],
  );
}

function parameterCount(candidate: ParsedRoute): number {
  return candidate.segments.filter((segment) => segment.parameter).length;
}

function decodeParams(candidate: ParsedRoute, parts: readonly string[]): Record<string, string> | null {
  const params: Record<string, string> = {};
  for (const [index, segment] of candidate.segments.entries()) {
    if (!segment.parameter) continue;
    try {
      params[segment.text] = decodeURIComponent(parts[index] ?? '');
    } catch {
      return null;
    }
  }
  return params;
}
