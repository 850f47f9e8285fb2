import { useCallback, useRef } from 'react';
import type { Answers, Api, Reply } from '../../api/client.js';
import { type Answer, useAnswer } from '../../api/use-answer.js';
import type { AgentRow } from './agent-list.js';

export interface AgentList {
  readonly agents: readonly AgentRow[];
  /** There are more than those. */
  readonly hasMore: boolean;
}

const pageRows = 100;
/** 10,000 agents: a list that is sorted or searched is loaded so far, and says so where there are more. */
const pagesMax = 100;
/** A list of more pages is asked for again only by hand. */
const refreshedPagesMax = 5;
const refreshMs = 15_000;

/**
 * Agents by id, page by page: `more` loads the next one, `wantsAll` loads them all. A refresh asks for as many as are
 * there, and shows them when all have come.
 */
export function useAgentList(wantsAll: boolean): Answer<AgentList> & { more(): void } {
  const pages = useRef<readonly Answers['ListAgentsAnswer'][]>([]);
  const wanted = useRef(1);
  const isGrowing = useRef(false);
  const answer = useAnswer(
    ['agents', wantsAll],
    async (api, signal): Promise<Reply<AgentList>> => {
      const target = wantsAll ? pagesMax : wanted.current;
      const known = isGrowing.current ? pages.current : [];
      isGrowing.current = false;
      const { list, failed } = await pagesFrom(known, { api, signal, target });
      if (failed !== undefined) return failed;
      pages.current = list;
      wanted.current = Math.max(1, list.length);
      const agents = list.flatMap((page) => page.agents);
      return { data: { agents, hasMore: list.at(-1)?.next_cursor !== null }, response: Response.json({}) };
    },
    pages.current.length > refreshedPagesMax ? {} : { refreshMs },
  );
  const { retry } = answer;
  const more = useCallback(() => {
    if (isGrowing.current) return;
    isGrowing.current = true;
    wanted.current = pages.current.length + 1;
    retry();
  }, [retry]);
  return { ...answer, more };
}

async function pagesFrom(
  known: readonly Answers['ListAgentsAnswer'][],
  { api, signal, target }: { readonly api: Api; readonly signal: AbortSignal; readonly target: number },
): Promise<{ readonly list: readonly Answers['ListAgentsAnswer'][]; readonly failed?: Reply<never> }> {
  const list = [...known];
  while (list.length < target) {
    const cursor = list.at(-1)?.next_cursor;
    if (cursor === null) break;
    const query = { limit: pageRows, ...(cursor === undefined ? {} : { cursor }) };
    const { data, error, response } = await api.GET('/api/v1/agents', { params: { query }, signal });
    if (data === undefined) return { list, failed: { error, response } };
    list.push(data);
  }
  return { list };
}
