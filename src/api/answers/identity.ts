import type { IdentityRow } from '../../clickhouse/queries/sql/identity-columns.js';
import { optionalTextSchema } from './answer-schema.js';

/** What a task or run is part of, where it ran and with what, in every answer; null where no event tells it. */
export const identityShape = {
  flow_id: optionalTextSchema,
  crew_id: optionalTextSchema,
  engagement_id: optionalTextSchema,
  user_id: optionalTextSchema,
  session_id: optionalTextSchema,
  environment: optionalTextSchema,
  model: optionalTextSchema,
  provider: optionalTextSchema,
} satisfies Record<keyof IdentityRow, typeof optionalTextSchema>;

/** `row` is null where nothing of the task or run itself is known. */
export function identityAnswer(row: IdentityRow | null): IdentityRow {
  return {
    flow_id: row?.flow_id ?? null,
    crew_id: row?.crew_id ?? null,
    engagement_id: row?.engagement_id ?? null,
    user_id: row?.user_id ?? null,
    session_id: row?.session_id ?? null,
    environment: row?.environment ?? null,
    model: row?.model ?? null,
    provider: row?.provider ?? null,
  };
}
