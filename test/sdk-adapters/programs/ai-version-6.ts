import type { RunOptions, Tidemark } from 'tidemark/sdk';
import { TidemarkTracer } from 'tidemark/sdk/ai-sdk';

/** What differs between the versions of `ai`: here 6. */
export { MockEmbeddingModelV3 as Embedding, MockLanguageModelV3 as Model } from 'ai/test';

export function telemetryOf(tm: Tidemark, options: RunOptions) {
  const told = { isEnabled: true, tracer: new TidemarkTracer(tm, options) };
  return (functionId?: string) => ({
    experimental_telemetry: { ...told, ...(functionId === undefined ? {} : { functionId }) },
  });
}
