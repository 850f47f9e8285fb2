import type { z } from 'zod';
import { optionalText } from './column-types.js';

/** What a task or run is part of, where it ran and with what, as the tables name it and rows carry it; null: no event tells it. */
export const identityRow = {
  flow_id: optionalText,
  crew_id: optionalText,
  engagement_id: optionalText,
  user_id: optionalText,
  session_id: optionalText,
  environment: optionalText,
  model: optionalText,
  provider: optionalText,
};

export type IdentityRow = Readonly<z.output<z.ZodObject<typeof identityRow>>>;

/** All of them, as a list of columns. */
export const identityColumns = Object.keys(identityRow).join(', ');
