import { isIP } from 'node:net';

/**
 * Whether a request may come from where it says it comes from. Two things reach a port of this machine that its owner
 * never sent there, both by way of a browser on it:
 *
 * - A page of another origin asks us straight away. The browser keeps our answer from the page, but not our work from
 *   being done. It says who asks: `Origin` with everything but plain GETs, `Sec-Fetch-Site` with everything that goes
 *   to https or to this machine. Both must name our own origin or one that was allowed; a page cannot set them.
 *   Of a plain GET by http to any other name or address it says nothing; `0.0.0.0` and `[::ffff:127.0.0.1]` are such,
 *   and lead here all the same. The page learns nothing of the answer then; where a GET is work, it is refused.
 * - A page whose name was made to resolve to us (DNS rebinding). For the browser we are the page's own origin: no
 *   header says otherwise, and the page reads what we answer. What gives it away is `Host`, which carries the page's
 *   name. Names we go by pass, and so do addresses (no DNS takes part in them) and `localhost`, which nobody can own.
 *
 * Programs send none of these headers but `Host`, and name a collector as their network does (`tidemark:7077` among
 * containers, `collector.internal`). A rebound page holds no key of ours, so a program that brings one under an unknown
 * name is no such page: that is `unknownHosts: 'with_key'`, for what cannot be had without a key in a header. What is
 * told or done without a key is `unknownHosts: 'refused'`. A browser is refused with a key as well, for keys get known;
 * that it is one says its `User-Agent`, which no page can change in Chromium, and that it asks for a language. A page
 * of an allowed origin may call us what it likes: its origin is written into the request by the browser, and is not the
 * rebound name.
 *
 * A link may lead here from anywhere: `links` lets through a GET that a click on another page made, into a window of
 * its own. The page that was left learns nothing of the answer. Where a GET is work (SQL in a URL), it stays off, and a
 * browser must say that nobody else asks.
 *
 * Old browsers leave `Origin` off a form's POST; then `Referer` is asked, if there is one. Programs set it as well, to
 * say what they work for.
 */

export type SiteRefusal = 'host_unknown' | 'origin_foreign';

/** The headers that say who asks, as received. */
export interface AskingSite {
  readonly method: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly referer: string | undefined;
  readonly fetchSite: string | undefined;
  readonly fetchMode: string | undefined;
  readonly fetchDest: string | undefined;
  readonly userAgent: string | undefined;
  readonly acceptLanguage: string | undefined;
}

export interface SitePolicy {
  /** Names we go by, beside `localhost` and all addresses; see `hostNames`. `*` among them: every name. */
  readonly hosts: ReadonlySet<string>;
  /** Origins beside our own whose pages may ask. */
  readonly allowsOrigin: (origin: string) => boolean;
  readonly unknownHosts: 'refused' | 'with_key';
  readonly links: boolean;
}

/** Names without port, as they are compared. What cannot be a name is left out. */
export function hostNames(names: Iterable<string>): ReadonlySet<string> {
  const known = [...names].map((name) => (name === '*' ? name : parseHost(name)?.name));
  return new Set(known.filter((name) => name !== undefined));
}

export function askingSite(method: string, header: (name: string) => string | undefined): AskingSite {
  return {
    method,
    host: header('host'),
    origin: header('origin'),
    referer: header('referer'),
    fetchSite: header('sec-fetch-site'),
    fetchMode: header('sec-fetch-mode'),
    fetchDest: header('sec-fetch-dest'),
    userAgent: header('user-agent'),
    acceptLanguage: header('accept-language'),
  };
}

/** Null when the request may go on. */
export function refuseSite(site: AskingSite, policy: SitePolicy): SiteRefusal | null {
  if (site.origin !== undefined && policy.allowsOrigin(site.origin)) return null;
  if (!isKnownHost(site.host, policy) && (policy.unknownHosts === 'refused' || isOfBrowser(site))) {
    // HTTP/1.0 without `Host` is a load balancer's probe; no browser leaves it out.
    if (site.host !== undefined || isOfBrowser(site)) return 'host_unknown';
  }
  return isForeign(site, policy) ? 'origin_foreign' : null;
}

/**
 * Not `Sec-Fetch-Mode`, which the `fetch` of Node sends as well. All browsers go by `Mozilla/5.0`, and some programs,
 * which leave out the language.
 */
function isOfBrowser({ origin, fetchSite, userAgent, acceptLanguage }: AskingSite): boolean {
  if (origin !== undefined || fetchSite !== undefined) return true;
  return acceptLanguage !== undefined && userAgent?.startsWith('Mozilla/') === true;
}

function isKnownHost(host: string | undefined, policy: SitePolicy): boolean {
  if (host === undefined) return false;
  if (policy.hosts.has('*')) return true;
  const name = parseHost(host)?.name;
  if (name === undefined) return false;
  return isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost') || policy.hosts.has(name);
}

function isForeign(site: AskingSite, policy: SitePolicy): boolean {
  if (site.origin !== undefined) return !isOwnOrAllowed(site.origin, site, policy);
  if (site.fetchSite !== undefined) {
    const ours = site.fetchSite === 'same-origin' || site.fetchSite === 'none';
    return !ours && !(policy.links && isLink(site));
  }
  if (!policy.links && isOfBrowser(site)) return true;
  if (site.referer === undefined || isRead(site.method) || !isOfBrowser(site)) return false;
  return !isOwnOrAllowed(originOf(site.referer), site, policy);
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** A document for a window of its own; within a frame the page around it would still be there. */
function isLink(site: AskingSite): boolean {
  return isRead(site.method) && site.fetchMode === 'navigate' && site.fetchDest === 'document';
}

function isOwnOrAllowed(origin: string, site: AskingSite, policy: SitePolicy): boolean {
  if (origin !== site.origin && policy.allowsOrigin(origin)) return true;
  const match = /^(https?):\/\/([^/]+)$/.exec(origin.toLowerCase());
  if (match === null || site.host === undefined) return false;
  const standardPort = match[1] === 'https' ? '443' : '80';
  const from = parseHost(match[2] ?? '');
  const to = parseHost(site.host);
  // Which scheme we are reached by is not known behind a proxy; a page of either on our own authority is ours.
  return (
    from !== null && to !== null && from.name === to.name && (from.port ?? standardPort) === (to.port ?? standardPort)
  );
}

/** Scheme and authority of an address; what has none comes out as an origin nobody has. */
function originOf(address: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#]+/i.exec(address)?.[0] ?? 'null';
}

interface Host {
  /** In lower case, without brackets or the dot of a name that is complete. */
  readonly name: string;
  readonly port: string | null;
}

/**
 * `name`, `name:port` or `[address]:port`, nothing else: no user, no white space. Other ways to write an IPv4 address
 * (`2130706433`, `0x7f.1`, `127.1`) stay names, which nobody goes by; browsers send them as four numbers.
 */
function parseHost(text: string): Host | null {
  const match = /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?)(?::([0-9]{1,5}))?$/.exec(
    text.slice(0, hostCharactersMax).toLowerCase(),
  );
  if (match === null || text.length > hostCharactersMax) return null;
  const [, address, name, port] = match;
  if (address !== undefined && isIP(address) !== 6) return null;
  return { name: address ?? name ?? '', port: port ?? null };
}

/** A DNS name has up to 253 characters; a colon, a port and a dot follow it. */
const hostCharactersMax = 260;
