import type { RunOptions, Tidemark } from 'tidemark/sdk';
import { TidemarkTelemetry } from 'tidemark/sdk/ai-sdk';

/** What differs between the versions of `ai`: here 7. */
export { MockEmbeddingModelV4 as Embedding, MockLanguageModelV4 as Model } from 'ai/test';

/** One integration for all calls, as when it is registered. */
export function telemetryOf(tm: Tidemark, options: RunOptions) {
  const integrations = [new TidemarkTelemetry(tm, options)];
  return (functionId?: string) => ({
    telemetry: { integrations, ...(functionId === undefined ? {} : { functionId }) },
  });
}
