import type { z } from 'zod';
import type { ErrorCode } from './errors.js';

/** Groups of operations in the description of the API. */
const apiTags = [
  'ingest',
  'agents',
  'metrics',
  'tasks',
  'runs',
  'failures',
  'patterns',
  'live',
  'monitoring',
  'administration',
] as const;
export type ApiTag = (typeof apiTags)[number];

/** What a route takes and answers, as the description of the API says it; tests hold real answers against it. */
export interface ApiOperation {
  /** camelCase, unique: clients generated from the description name their functions after it. */
  readonly id: string;
  readonly tag: ApiTag;
  /** One sentence, without the full stop. */
  readonly summary: string;
  /** The very schema the handler parses the query parameters with. */
  readonly query?: z.ZodObject;
  /** Beside the usual ones. */
  readonly headers?: readonly ApiHeader[];
  readonly body?: ApiBody;
  /** Of success; default 200. */
  readonly status?: number;
  readonly answer: ApiAnswer;
  /** Beside those every route has: bad parameters, access, limits, a store that is away. */
  readonly errors?: readonly ErrorCode[];
}

/** An optional header of a request. */
export interface ApiHeader {
  readonly name: string;
  readonly meaning: string;
  readonly schema: z.ZodType;
}

export interface ApiBody {
  readonly contentTypes: readonly string[];
  /** Null: the shape is described elsewhere. */
  readonly schema: z.ZodType | null;
  /** One that is accepted as it is. */
  readonly example?: unknown;
}

type ApiAnswer =
  /** JSON. Strict objects: an answer with a field that is not described fails the tests. */
  | {
      readonly kind: 'json';
      readonly schema: z.ZodType;
      /** Default `application/json`. */
      readonly contentType?: string;
      /** Further statuses that carry the same shape. */
      readonly alsoStatuses?: readonly number[];
    }
  /** Anything else. */
  | {
      readonly kind: 'other';
      readonly contentTypes: readonly string[];
      /** Where `application/json` is among them. */
      readonly jsonSchema?: z.ZodType;
    };
