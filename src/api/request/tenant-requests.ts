import { CollectorError } from '../../core/errors.js';
import type { HttpRoute } from '../../core/ports/http-route.js';

/**
 * How many requests of one tenant the read API has under way. Requests that share a read wait without a query of their
 * own, so the limits of the store do not see them; without this one, a tenant could hold all requests the server may
 * have, and other tenants could neither read nor send events over HTTP.
 */
export class TenantRequests {
  readonly #requestsMax: number;
  readonly #underWay = new Map<string, number>();

  constructor(options: { readonly requestsMax: number }) {
    this.#requestsMax = options.requestsMax;
  }

  /** The route, with requests beyond the limit of their tenant refused as `overloaded`; a public route as it is. */
  bound(route: HttpRoute): HttpRoute {
    if (route.scope === null) return route;
    return {
      ...route,
      handle: async (request, principal) => {
        this.#enter(principal.tenant);
        try {
          return await route.handle(request, principal);
        } finally {
          this.#leave(principal.tenant);
        }
      },
    };
  }

  #enter(tenant: string): void {
    const requests = this.#underWay.get(tenant) ?? 0;
    if (requests >= this.#requestsMax) {
      throw new CollectorError('overloaded', `cannot answer: ${requests} read requests of this tenant are under way`);
    }
    this.#underWay.set(tenant, requests + 1);
  }

  #leave(tenant: string): void {
    const requests = (this.#underWay.get(tenant) ?? 1) - 1;
    if (requests === 0) this.#underWay.delete(tenant);
    else this.#underWay.set(tenant, requests);
  }
}
