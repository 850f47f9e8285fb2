import { askingSite, hostNames, refuseSite, type SitePolicy, type SiteRefusal } from '../core/request-site.js';
import type { CorsPolicy } from './cors.js';
import type { RequestHead } from './request-head.js';

export interface SiteCheckOptions {
  readonly host: string;
  /** Names the collector goes by, beside the configured host, `localhost` and all addresses; `*` is every name. */
  readonly hosts: readonly string[];
}

/**
 * Which pages of a browser may ask, see `core/request-site.ts`. A request with a key may name the collector as its
 * network does; what is told without one is told under known names only. Links lead here, to what a GET shows.
 */
export class SiteCheck {
  readonly #keyed: SitePolicy;
  readonly #keyless: SitePolicy;

  constructor({ host, hosts }: SiteCheckOptions, cors: CorsPolicy) {
    this.#keyless = {
      hosts: hostNames([host, ...hosts]),
      allowsOrigin: (origin) => cors.allows(origin),
      unknownHosts: 'refused',
      links: true,
    };
    this.#keyed = { ...this.#keyless, unknownHosts: 'with_key' };
  }

  /** `keyed`: nothing is told or done without a key that came with the request. */
  refuse(head: RequestHead, { keyed }: { readonly keyed: boolean }): SiteRefusal | null {
    const site = askingSite(head.method, (name) => head.headers.get(name));
    return refuseSite(site, keyed ? this.#keyed : this.#keyless);
  }
}
