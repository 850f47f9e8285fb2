import {
  countSchema,
  instantSchema,
  millisecondsSchema,
  optionalNumberSchema,
  percentSchema,
  tokensUnpricedSchema,
} from './answer-schema.js';

/** Of doubles: what is behind the 12th digit depends on the order of adding. */
const meanSchema = optionalNumberSchema.meta({ description: 'A mean of doubles, good to 12 digits.' });

/** Executions, durations and usage of a UTC day, as the table of the days has them, in their order. */
export const dayShape = {
  events: countSchema,
  total: countSchema,
  successful: countSchema,
  failed: countSchema,
  cancelled: countSchema,
  success_rate: percentSchema,
  error_rate: percentSchema,
  avg_duration_ms: millisecondsSchema,
  min_duration_ms: millisecondsSchema,
  max_duration_ms: millisecondsSchema,
  p50_duration_ms: millisecondsSchema,
  p95_duration_ms: millisecondsSchema,
  p99_duration_ms: millisecondsSchema,
  p95_successful_duration_ms: millisecondsSchema,
  llm_calls: countSchema,
  tokens_in: countSchema,
  tokens_out: countSchema,
  cost_micros: countSchema
    .nullable()
    .meta({ description: 'Millionths of a US dollar; null where nobody reported a cost.' }),
  tokens_unpriced: tokensUnpricedSchema,
  avg_confidence: meanSchema,
  avg_memory_mb: meanSchema,
  max_memory_mb: optionalNumberSchema.meta({ description: 'As it was sent.' }),
  first_received: instantSchema,
  last_received: instantSchema,
};
