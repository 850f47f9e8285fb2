import type { eventFields, FieldName } from '../core/event-schema.js';
import type { EventType } from '../core/event-types.js';

type FieldOf<N extends FieldName> = Extract<(typeof eventFields)[number], { readonly name: N }>;
type Scalar = string | number | boolean;

type FieldValue<F> = F extends { readonly kind: 'enum'; readonly values: infer V }
  ? Exclude<keyof V, ''>
  : F extends { readonly kind: 'time' }
    ? number | string | Date
    : F extends { readonly kind: 'number' | 'integer' }
      ? number
      : F extends { readonly kind: 'hash' }
        ? string | number
        : F extends { readonly kind: 'scalar_map' }
          ? Readonly<Record<string, Scalar>>
          : F extends { readonly kind: 'string_map' }
            ? Readonly<Record<string, string>>
            : F extends { readonly kind: 'string_list' }
              ? readonly string[]
              : string;

/**
 * One event as an agent sends it, derived from the field table: `type` and `agent_id` always, the rest as
 * the type needs it. Absent, `undefined` and `null` mean the same. Times are ms since the epoch, RFC 3339 or Date.
 */
export type TidemarkEvent = { readonly type: EventType; readonly agent_id: string } & {
  readonly [N in Exclude<FieldName, 'type' | 'agent_id'>]?: FieldValue<FieldOf<N>> | null | undefined;
};
