import { formatCost, formatCount, formatExact, unpricedNote } from '../../format/numbers.js';
import type { Usage } from './timeline-nodes.js';

/** What work used, own or in all; the parts of the tokens are never added to them. */
export function UsageFacts({ name, usage }: { readonly name: string; readonly usage: Usage }) {
  const { tokens, llm_calls, tokens_cache_read, tokens_cache_write, tokens_reasoning } = usage;
  if (tokens.total === 0 && llm_calls === 0 && usage.cost_cents === null) return null;
  const parts = [
    tokens_cache_read > 0 && `${formatCount(tokens_cache_read)} read from a cache`,
    tokens_cache_write > 0 && `${formatCount(tokens_cache_write)} written to a cache`,
    tokens_reasoning > 0 && `${formatCount(tokens_reasoning)} of reasoning`,
  ].filter(Boolean);
  const unpriced = unpricedNote(usage.tokens_unpriced);
  return (
    <div>
      <h3 className="text-xs text-soft">{name}</h3>
      <p title={`${formatExact(tokens.in)} in, ${formatExact(tokens.out)} out`}>
        {formatCount(tokens.total)} tokens ({formatCount(tokens.in)} in, {formatCount(tokens.out)} out),{' '}
        {formatCost(usage.cost_cents)}, {formatCount(llm_calls)} LLM calls
      </p>
      {parts.length > 0 && <p className="text-xs text-soft">Of them {parts.join(', ')}</p>}
      {unpriced !== null && <p className="text-xs text-warn">{unpriced}</p>}
    </div>
  );
}
