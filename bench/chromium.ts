import { spawnSync } from 'node:child_process';
import { type Browser, chromium } from 'playwright-core';

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
