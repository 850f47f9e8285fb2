import type { BrowserContext, Request } from 'playwright-core';

/** A request of a page, however it was made, and what it was answered. */
export interface SeenAnswer {
  readonly method: string;
  readonly url: string;
  /** Of a window of its own: what a link opens. */
  readonly inWindow: boolean;
  readonly status: number;
}

/** Answers to pages of the context from now on, also those no page may see, but for those the browser throws away. */
export function seenAnswers(context: BrowserContext): readonly SeenAnswer[] {
  const seen: SeenAnswer[] = [];
  context.on('response', (response) => {
    const request = response.request();
    seen.push({
      method: request.method(),
      url: request.url(),
      inWindow: request.isNavigationRequest() && isOfWindow(request),
      status: response.status(),
    });
  });
  return seen;
}

/** A window that is about to open has no frame yet, and says so by throwing. */
function isOfWindow(request: Request): boolean {
  try {
    return request.frame().parentFrame() === null;
  } catch {
    return true;
  }
}
