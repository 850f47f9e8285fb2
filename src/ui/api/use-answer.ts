import { useCallback, useEffect, useRef, useState } from 'react';
import { retryAfterMs, whenSeen } from './asking-again.js';
import { type Api, dataOfReply, type Reply, timeOf } from './client.js';
import { ApiProblem, asProblem } from './problem.js';
import { type Session, useSession } from './session.js';

/** An answer of the API, as a page shows it: what is known, how old it is, and what is going on. */
export interface Answer<Data> {
  /** The latest; of the question before while the next one is asked, see `outdated`. */
  readonly data: Data | undefined;
  readonly asOf: Date | undefined;
  /** `data` answers another question than the one that is asked. */
  readonly outdated: boolean;
  readonly loading: boolean;
  /** Loading for longer than 300 ms. */
  readonly slow: boolean;
  readonly problem: ApiProblem | undefined;
  retry(): void;
  /** Ends the question, at the store too. */
  cancel(): void;
}

export interface AnswerOptions {
  /** Asked again so long after each answer, while somebody looks. */
  readonly refreshMs?: number;
}

interface State<Data> {
  readonly question: string | null;
  readonly data: Data | undefined;
  readonly dataQuestion: string | null;
  readonly asOf: Date | undefined;
  readonly loading: boolean;
  readonly slow: boolean;
  readonly problem: ApiProblem | undefined;
}

const slowMs = 300;

/**
 * Asks the API. `question` names everything the answer depends on; null asks nothing. A question that changes ends the
 * one before. What fails for a while is asked again by itself, less and less often.
 */
export function useAnswer<Data>(
  question: readonly unknown[] | null,
  ask: (api: Api, signal: AbortSignal) => Promise<Reply<Data>>,
  { refreshMs }: AnswerOptions = {},
): Answer<Data> {
  const session = useSession();
  const name = question === null ? null : JSON.stringify(question);
  const [state, setState] = useState<State<Data>>(() => remembered<Data>(session, name));
  const [round, setRound] = useState(0);
  const asking = useRef<AbortController | null>(null);
  const latest = useRef(ask);
  latest.current = ask;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a round asks the same question once more
  useEffect(() => {
    if (name === null) return;
    const controller = new AbortController();
    asking.current = controller;
    const timers = new Timers();
    let failures = 0;
    const askAgain = (afterMs: number) => timers.set(afterMs, () => whenSeen(controller.signal, run));
    const run = async () => {
      setState((before) => ({ ...before, ...forQuestion(before, remembered<Data>(session, name)), loading: true }));
      const slow = timers.set(slowMs, () => setState((before) => ({ ...before, slow: true })));
      try {
        const reply = await latest.current(session.api, controller.signal);
        const data = dataOfReply(reply);
        if (controller.signal.aborted) return;
        failures = 0;
        const known = { data, asOf: timeOf(reply) };
        remember(session, name, known);
        setState({ question: name, ...known, dataQuestion: name, loading: false, slow: false, problem: undefined });
        if (refreshMs !== undefined) askAgain(refreshMs);
      } catch (error) {
        if (controller.signal.aborted) return;
        const problem = asProblem(error);
        if (problem.status === 401) session.signOut();
        setState((before) => ({ ...before, question: name, loading: false, slow: false, problem }));
        if (problem.passes) askAgain(retryAfterMs(failures++));
      } finally {
        clearTimeout(slow);
      }
    };
    void run();
    return () => {
      controller.abort();
      timers.clear();
    };
  }, [name, round, session, refreshMs]);

  const retry = useCallback(() => setRound((before) => before + 1), []);
  const cancel = useCallback(() => {
    asking.current?.abort();
    const problem = new ApiProblem({ status: 0, code: 'cancelled', title: 'You cancelled the question' });
    setState((before) => ({ ...before, loading: false, slow: false, problem }));
  }, []);
  const { data, asOf, loading, slow, problem, dataQuestion } = state;
  return { data, asOf, outdated: data !== undefined && dataQuestion !== name, loading, slow, problem, retry, cancel };
}

class Timers {
  readonly #running = new Set<number>();

  set(afterMs: number, run: () => void): number {
    const timer = window.setTimeout(() => {
      this.#running.delete(timer);
      run();
    }, afterMs);
    this.#running.add(timer);
    return timer;
  }

  clear(): void {
    for (const timer of this.#running) clearTimeout(timer);
  }
}

/** A problem of another question is forgotten; data stay until there are others. */
function forQuestion<Data>(before: State<Data>, known: State<Data>): Partial<State<Data>> {
  if (before.question === known.question) return {};
  return {
    ...known,
    ...(known.data === undefined ? { data: before.data, asOf: before.asOf, dataQuestion: before.dataQuestion } : {}),
  };
}

/** The last answers, so that going back shows at once what was there. */
const answersMax = 60;
interface Known {
  readonly data: unknown;
  readonly asOf: Date;
}
const answers = new WeakMap<Session, Map<string, Known>>();

function remember(session: Session, question: string, known: Known): void {
  const of = answers.get(session) ?? new Map<string, Known>();
  answers.set(session, of);
  of.delete(question);
  of.set(question, known);
  const [oldest] = of.keys();
  if (of.size > answersMax && oldest !== undefined) of.delete(oldest);
}

function remembered<Data>(session: Session, question: string | null): State<Data> {
  const known = question === null ? undefined : answers.get(session)?.get(question);
  return {
    question,
    data: known?.data as Data | undefined,
    dataQuestion: known === undefined ? null : question,
    asOf: known?.asOf,
    loading: false,
    slow: false,
    problem: undefined,
  };
}
