import { spawnSync } from 'node:child_process';
import { type Browser, type BrowserContext, chromium, type Request } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** A Chromium of this machine that starts; undefined where there is none. */
export const chromiumName = names.find((name) => spawnSync(name, ['--version']).status === 0);

/** A browser without a profile, to which `hosts` are names of the loopback address, as DNS would make them. */
export async function launchChromium(hosts: readonly string[]): Promise<Browser> {
  const executablePath = spawnSync('sh', ['-c', `command -v ${chromiumName}`], { encoding: 'utf8' }).stdout.trim();
  return chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // Asks before a page of the internet may ask this machine. Browsers without it have to be held as well.
      '--disable-features=LocalNetworkAccessChecks',
      `--host-resolver-rules=${hosts.map((host) => `MAP ${host} 127.0.0.1`).join(', ')}`,
    ],
  });
}

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
