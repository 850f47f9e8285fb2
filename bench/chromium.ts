import { spawnSync } from 'node:child_process';
import { type Browser, chromium } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** A Chromium of this machine that starts; undefined where there is none. */
export const chromiumName = firstThatStarts(names);

/**
 * The same, or the one without a window's parts where that is installed: to load and show a page it takes 0.4 s of CPU
 * time instead of 1.2.
 */
export const headlessName = firstThatStarts(['chromium-headless-shell']) ?? chromiumName;

function firstThatStarts(programs: readonly string[]): string | undefined {
  return programs.find((name) => spawnSync(name, ['--version']).status === 0);
}

/** A browser without a profile, to which `hosts` are names of the loopback address, as DNS would make them. */
export async function launchChromium(hosts: readonly string[], name = chromiumName): Promise<Browser> {
  const executablePath = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
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
