import type { ErrorCategory } from '../../core/event-types.js';

export interface Failure {
  readonly category: ErrorCategory;
  readonly code: string;
  readonly message: string;
}

/** Of a step, or where there is none. */
export type FailurePlace = 'llm' | 'tool' | 'retrieval' | 'memory' | 'plan' | 'handoff' | 'other' | 'none';

export type Classify = (error: unknown, place: FailurePlace) => ErrorCategory | undefined;

/** Who is asked before the error itself, and what the place they are in calls a lost connection. */
interface Judge {
  readonly classify: Classify | undefined;
  readonly surroundings: { readonly networkCodes: RegExp | null };
}

const categories: ReadonlySet<unknown> = new Set<ErrorCategory>([
  'tool',
  'model',
  'retrieval',
  'orchestration',
  'infra',
  'guardrail',
  'user',
]);

const categoryOfPlace: Partial<Record<FailurePlace, ErrorCategory>> = {
  llm: 'model',
  tool: 'tool',
  memory: 'tool',
  retrieval: 'retrieval',
};

const messageCharactersMax = 500;

/** What the innermost handle made of an error, for those around it that it passes on its way. */
const known = new WeakMap<object, Failure>();

/** Says what failed and on whose side. The same error object is judged once. */
export function failureOf(error: unknown, place: FailurePlace, judge: Judge): Failure {
  const before = typeof error === 'object' && error !== null ? known.get(error) : undefined;
  if (before !== undefined) return before;
  const failure: Failure = {
    category: categoryOf(error, place, judge),
    code: codeOf(error),
    message: messageOf(error).slice(0, messageCharactersMax),
  };
  if (typeof error === 'object' && error !== null) known.set(error, failure);
  return failure;
}

/** AbortError of a signal, or what calls itself cancelled: nobody failed. */
export function isCancellation(error: unknown): boolean {
  const name = property(error, 'name');
  return name === 'AbortError' || name === 'CancelledError' || property(error, 'code') === 'ABORT_ERR';
}

function categoryOf(error: unknown, place: FailurePlace, judge: Judge): ErrorCategory {
  const judged = judge.classify?.(error, place);
  if (categories.has(judged)) return judged as ErrorCategory;
  const own = property(error, 'category');
  if (categories.has(own)) return own as ErrorCategory;
  const called = `${property(error, 'name') ?? ''} ${nameOfClass(error)}`;
  if (/guardrail|moderation|content_?filter|policy_?violation/i.test(called)) return 'guardrail';
  if (/approval|denied_?by_?user|user_?(denied|abort)/i.test(called)) return 'user';
  const ofPlace = categoryOfPlace[place];
  if (ofPlace !== undefined) return ofPlace;
  return judge.surroundings.networkCodes?.test(String(property(error, 'code'))) ? 'infra' : 'orchestration';
}

function codeOf(error: unknown): string {
  const code = property(error, 'code');
  if (typeof code === 'string' && code !== '') return code;
  if (typeof code === 'number') return String(code);
  const name = property(error, 'name');
  return typeof name === 'string' && name !== 'Error' ? name : nameOfClass(error);
}

function messageOf(error: unknown): string {
  const message = property(error, 'message');
  return typeof message === 'string' ? message : String(error);
}

function nameOfClass(error: unknown): string {
  if (typeof error !== 'object' || error === null) return typeof error;
  return error.constructor?.name ?? 'Object';
}

/** Getters of strangers may throw. */
function property(value: unknown, name: string): unknown {
  try {
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  } catch {
    return undefined;
  }
}
