import type { LoadHook } from 'node:module';
import { fileURLToPath } from 'node:url';
import { createInstrumenter } from 'istanbul-lib-instrument';

/** Module hook: whatever is loaded of the product counts its statements and branches, see `coverage-map.ts`. */
const instrumenter = createInstrumenter({ esModules: true, coverageVariable: '__fuzzed__', compact: true });

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  if (!url.startsWith('file:') || !url.includes('/dist/src/') || loaded.format !== 'module') return loaded;
  const source =
    typeof loaded.source === 'string' ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString();
  return { ...loaded, source: instrumenter.instrumentSync(source, fileURLToPath(url)) };
};
