import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { headlessName, launchChromium } from '../../bench/chromium.js';
import type {} from './ui-global-setup.js';

/** Files of the UI's tests are skipped where no Chromium is installed. */
export const noBrowser = headlessName === undefined;

export interface PageOptions {
  readonly url?: string;
  /** Null: nobody is signed in. */
  readonly key?: string | null;
  readonly theme?: 'light' | 'dark';
  readonly width?: number;
  readonly height?: number;
}

/**
 * Opens pages in one browser of a file, each in a window of its own. What a page says on the console, throws, or is
 * refused by its policy, is gathered; `quiet` says that there was nothing.
 */
export class UiPages {
  readonly #contexts: BrowserContext[] = [];
  readonly #complaints: string[] = [];
  #browser: Browser | null = null;

  /** For the whole file. */
  constructor() {
    beforeAll(async () => {
      if (!noBrowser) this.#browser = await launchChromium([], headlessName);
    });
    afterAll(() => this.#browser?.close());
  }

  async open(path: string, options: PageOptions = {}): Promise<Page> {
    const { url = inject('ui').url, key = inject('ui').key, theme = 'light', width = 1_280, height = 800 } = options;
    const context = await this.#browser!.newContext({
      viewport: { width, height },
      colorScheme: theme,
      reducedMotion: 'reduce',
      timezoneId: 'Europe/Berlin',
      locale: 'en-GB',
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    this.#contexts.push(context);
    const page = await context.newPage();
    // A collector that has just begun makes its tables first, which takes a busy machine a while.
    page.setDefaultTimeout(60_000);
    const origin = new URL(url).origin;
    page.on('console', (message) => {
      // Answers that are no success are told by the page itself.
      if (['error', 'warning'].includes(message.type()) && !/Failed to load resource|WebSocket/.test(message.text()))
        this.#complaints.push(`${path}: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.#complaints.push(`${path}: ${error.message}`));
    page.on('request', (request) => {
      const asked = request.url();
      if (!asked.startsWith(origin) && !asked.startsWith('blob:')) this.#complaints.push(`${path} asks ${asked}`);
    });
    await page.goto(`${url}${path}${key === null ? '' : `#key=${key}`}`);
    return page;
  }

  /** Nothing was thrown, logged, refused by the policy or asked of another origin; closes the windows. */
  async quiet(): Promise<void> {
    await Promise.all(this.#contexts.splice(0).map((context) => context.close()));
    expect(this.#complaints.splice(0)).toEqual([]);
  }
}
