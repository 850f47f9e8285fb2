import { createHash } from 'node:crypto';
import { CollectorError } from '../../core/errors.js';
import type { AuditLog, AuditValue } from '../../core/ports/audit-log.js';
import type { HttpRoute } from '../../core/ports/http-route.js';

/** An erasure is to leave nothing of a person: who knows the id can find its entries by this. */
const personalParameters: ReadonlySet<string> = new Set(['user_id']);
const digestDigits = 16;

/** What changes something with the scope admin is in the audit log, on disk before it is answered; reads are not. */
export function auditedRoute(route: HttpRoute, audit: Pick<AuditLog, 'record'>): HttpRoute {
  if (route.scope !== 'admin' || route.method === 'GET') return route;
  return {
    ...route,
    async handle(request, principal) {
      const note = (outcome: string, more: Readonly<Record<string, AuditValue>> = {}) =>
        audit.record({
          action: route.operation?.id ?? route.path,
          outcome,
          tenant: principal.tenant,
          actor: principal.keyName,
          address: request.address ?? null,
          what: { ...namesIn(request.params), ...Object.fromEntries(request.query), ...more },
        });
      try {
        const reply = await route.handle(request, principal);
        await note('done', reply.audited);
        return reply;
      } catch (error) {
        await note(error instanceof CollectorError ? error.code : 'internal');
        throw error;
      }
    },
  };
}

function namesIn(params: Readonly<Record<string, string>>): Record<string, AuditValue> {
  const told = Object.entries(params).map(([name, value]) =>
    personalParameters.has(name) ? [`${name}_sha256`, digestOf(value)] : [name, value],
  );
  return Object.fromEntries(told);
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digestDigits);
}
