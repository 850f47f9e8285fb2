import { z } from 'zod';
import { type EventType, eventTypes } from '../core/event-types.js';
import { type ProblemItem, quoted, RequestProblem } from '../core/problem.js';

/** What a subscriber wants: lists of alternatives, empty ones let everything pass. Sorted, without repetition. */
export interface LiveQuery {
  /** The user the key is bound to: nothing of others, and no progress of runs, passes. */
  readonly user: string | null;
  readonly agents: readonly string[];
  readonly runs: readonly string[];
  readonly types: readonly string[];
  readonly statuses: readonly string[];
  readonly models: readonly string[];
  readonly providers: readonly string[];
  readonly environments: readonly string[];
}

const liveStatuses = ['pending', 'running', 'completed', 'failed', 'cancelled'] as const;

const valuesMax = 100;
const idCharactersMax = 256;
const typeNames = Object.keys(eventTypes) as [EventType, ...EventType[]];

const list = (what: string) =>
  z.string().describe(`${what} separated by commas; may be given again; at most ${valuesMax}.`).optional();
const idList = list('Ids');

/** The query parameters, each a list: `a,b` and `x=a&x=b` mean the same. */
export const liveParameters = z.object({
  agent_id: idList,
  run_id: idList,
  type: z
    .string()
    .describe(`Event types separated by commas: ${typeNames.join(', ')}.`)
    .optional(),
  status: z
    .string()
    .describe(`States of runs, tasks and steps separated by commas: ${liveStatuses.join(', ')}.`)
    .optional(),
  model: list('Models'),
  provider: list('Providers'),
  environment: list('Environments'),
});

/** Throws `RequestProblem` `parameter_invalid` that lists every problem. */
export function parseLiveQuery(query: URLSearchParams, user: string | null = null): LiveQuery {
  const problems: ProblemItem[] = [];
  const known = Object.keys(liveParameters.shape);
  for (const name of new Set(query.keys())) {
    if (known.includes(name)) continue;
    const message = `unknown parameter ${quoted(name)}: known are ${known.join(', ')}`;
    problems.push({ path: name.slice(0, idCharactersMax), code: 'parameter_unknown', message });
  }
  const parsed = {
    user,
    agents: idsOf(query, 'agent_id', problems),
    runs: idsOf(query, 'run_id', problems),
    types: wordsOf(query, 'type', typeNames, problems),
    statuses: wordsOf(query, 'status', liveStatuses, problems),
    models: idsOf(query, 'model', problems),
    providers: idsOf(query, 'provider', problems),
    environments: idsOf(query, 'environment', problems),
  };
  if (problems.length === 0) return parsed;
  const summary = problems.map(({ path, message }) => `${quoted(path)}: ${message}`).join('; ');
  throw new RequestProblem('parameter_invalid', `cannot use the query parameters: ${summary}`, problems);
}

function listOf(query: URLSearchParams, name: string, problems: ProblemItem[]): string[] {
  const values = [...new Set(query.getAll(name).flatMap((value) => value.split(',')))].sort();
  if (values.length <= valuesMax) return values;
  problems.push({ path: name, code: 'parameter_invalid', message: `expected at most ${valuesMax} values` });
  return [];
}

function idsOf(query: URLSearchParams, name: string, problems: ProblemItem[]): string[] {
  const values = listOf(query, name, problems);
  if (values.some((value) => value === '' || [...value].length > idCharactersMax)) {
    const message = `expected ids of 1 to ${idCharactersMax} characters separated by commas`;
    problems.push({ path: name, code: 'parameter_invalid', message });
  }
  return values;
}

function wordsOf(query: URLSearchParams, name: string, words: readonly string[], problems: ProblemItem[]): string[] {
  const values = listOf(query, name, problems);
  if (values.some((value) => !words.includes(value))) {
    const message = `expected one or more of ${words.join(', ')} separated by commas`;
    problems.push({ path: name, code: 'parameter_invalid', message });
  }
  return values;
}

/** Numbers of the event types a query takes; empty: all of them. An event without a state passes no `status`. */
export function typeNumbersOf({ types, statuses }: LiveQuery): number[] {
  if (types.length === 0 && statuses.length === 0) return [];
  const numbers: number[] = [];
  for (const [type, number] of Object.entries(eventTypes)) {
    if (types.length > 0 && !types.includes(type)) continue;
    if (statuses.length > 0 && !statuses.includes(statusOf(type) ?? '')) continue;
    numbers.push(number);
  }
  // No type can pass: a number that no event has.
  return numbers.length === 0 ? [0] : numbers;
}

function statusOf(type: string): string | null {
  const [subject, word] = type.split('.');
  if (word === undefined || !['run', 'task', 'step'].includes(subject ?? '')) return null;
  return word === 'started' ? 'running' : word;
}
