import { z } from 'zod';
import type { PatternFeedbackRow } from '../../clickhouse/queries/patterns/pattern-feedback.js';
import type { PatternRow } from '../../clickhouse/queries/patterns/pattern-rows.js';
import { instant } from '../../core/time-text.js';
import {
  countSchema,
  instantSchema,
  meanSchema,
  optionalInstantSchema,
  optionalNumberSchema,
  optionalTextSchema,
  textSchema,
} from '../answers/answer-schema.js';
import { meanDigits } from '../answers/answer-units.js';

/** Distinct references up to which the sketch that counts them is exact, with a margin. */
const exactEvidenceMax = 10_000;

const ratioSchema = z.number().min(0).max(1).nullable();

const feedbackShape = {
  count: countSchema,
  scored: countSchema.meta({ description: 'Of them with a score.' }),
  avg_score: meanSchema,
  min_score: optionalNumberSchema,
  max_score: optionalNumberSchema,
  last_score: optionalNumberSchema,
  last_at: optionalInstantSchema,
};

export const patternShape = {
  pattern_id: textSchema,
  pattern_type: optionalTextSchema,
  name: optionalTextSchema,
  description: optionalTextSchema.meta({ description: 'First 1,000 characters of the latest message.' }),
  confidence: ratioSchema.meta({ description: 'The latest, 0 to 1.' }),
  effectiveness: ratioSchema.meta({ description: 'The latest, 0 to 1.' }),
  observations: countSchema.meta({ description: 'Events of type pattern.observed.' }),
  agents: z.array(textSchema).meta({ description: 'Agents that observed it, at most 20, the latest first.' }),
  agent_count: countSchema,
  evidence_count: countSchema.meta({ description: 'Distinct references.' }),
  evidence_count_exact: z.boolean().meta({ description: 'False above 10,000: the count is within 2 percent.' }),
  first_seen: instantSchema,
  last_seen: instantSchema,
  feedback: z.strictObject(feedbackShape).meta({ id: 'PatternFeedback' }),
};

export const patternDetailShape = {
  ...patternShape,
  evidence: z
    .array(textSchema)
    .meta({ description: 'Distinct references of the latest observations, newest first, at most 64.' }),
  latest_feedback: z
    .array(
      z
        .strictObject({
          feedback_id: textSchema,
          at: instantSchema,
          score: optionalNumberSchema,
          text: optionalTextSchema,
          user_id: optionalTextSchema,
        })
        .meta({ id: 'GivenFeedback' }),
    )
    .meta({ description: 'The newest feedback, at most 20.' }),
};

export function patternItem(pattern: PatternRow, feedback: PatternFeedbackRow | undefined) {
  return {
    pattern_id: pattern.pattern_id,
    pattern_type: pattern.pattern_type,
    name: pattern.name,
    description: pattern.description,
    confidence: pattern.confidence,
    effectiveness: pattern.effectiveness,
    observations: pattern.observations,
    agents: pattern.agents,
    agent_count: pattern.agent_count,
    evidence_count: pattern.evidence_count,
    evidence_count_exact: pattern.evidence_count <= exactEvidenceMax,
    first_seen: instant(pattern.first_seen_ms),
    last_seen: instant(pattern.last_seen_ms),
    feedback: feedback === undefined ? noFeedback : feedbackItem(feedback),
  };
}

export interface PatternDetail {
  readonly pattern: PatternRow;
  readonly feedback: PatternFeedbackRow | undefined;
  readonly evidence: readonly string[];
}

export function patternDetail({ pattern, feedback, evidence }: PatternDetail) {
  return {
    ...patternItem(pattern, feedback),
    evidence,
    latest_feedback: (feedback?.newest ?? []).map(([negativeMs, feedbackId, score, text, userId]) => ({
      feedback_id: feedbackId,
      at: instant(-negativeMs),
      score,
      text,
      user_id: userId,
    })),
  };
}

const noFeedback = {
  count: 0,
  scored: 0,
  avg_score: null,
  min_score: null,
  max_score: null,
  last_score: null,
  last_at: null,
};

function feedbackItem(feedback: PatternFeedbackRow) {
  return {
    count: feedback.count,
    scored: feedback.scored,
    avg_score: meanDigits(feedback.avg_score),
    min_score: feedback.min_score,
    max_score: feedback.max_score,
    last_score: feedback.last_score,
    last_at: instant(feedback.last_ms),
  };
}
