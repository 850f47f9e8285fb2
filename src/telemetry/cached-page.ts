import type { Clock } from '../core/clock.js';

export interface CachedPage {
  render(): Promise<string>;
}

const pageAgeMsMax = 1_000;

/** Renders at most once a second and never twice at a time: everyone who asks meanwhile gets the same page. */
export function createCachedPage(clock: Clock, render: () => Promise<string>): CachedPage {
  let page: Promise<string> | undefined;
  let renderedMs = 0;
  let underWay = false;
  return {
    render(): Promise<string> {
      if (page !== undefined && (underWay || clock.monotonicMs() - renderedMs < pageAgeMsMax)) return page;
      underWay = true;
      renderedMs = clock.monotonicMs();
      page = render().finally(() => {
        underWay = false;
      });
      // A failed page is not kept: the next to ask tries again.
      page.catch(() => {
        page = undefined;
      });
      return page;
    },
  };
}
