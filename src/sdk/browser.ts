import type { TidemarkOptions } from './record/options.js';
import { Tidemark } from './record/tidemark.js';
import { webSurroundings } from './record/web.js';

/** What a page imports: the same words, over the browser's own WebSocket. */
export function tidemark(options: TidemarkOptions = {}): Tidemark {
  return new Tidemark(webSurroundings, options);
}
