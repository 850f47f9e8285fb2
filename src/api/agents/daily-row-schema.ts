import { z } from 'zod';
import type { dailyExportColumns } from '../../clickhouse/queries/agents/daily-export.js';
import { instantSchema, optionalTextSchema, textSchema } from '../answers/answer-schema.js';
import { dayShape } from '../answers/day-shape.js';

const columns = {
  agent_id: textSchema,
  day: z.iso.date(),
  agent_name: optionalTextSchema,
  ...dayShape,
  created_at: instantSchema,
  updated_at: instantSchema,
} satisfies Record<(typeof dailyExportColumns)[number], z.ZodType>;

/** An agent and day as an export in JSON carries it. */
export const dailyRowSchema = z.strictObject(columns).meta({ id: 'DailyRow' });
