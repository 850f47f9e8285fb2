import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';

const run = promisify(execFile);
const sdk = packageFile('dist/src/sdk/index.js').href;

test('any number of clients in a process share its listeners, and each takes its own away', async () => {
  const program = `
    import { tidemark } from '${sdk}';
    process.on('warning', ({ name }) => console.log(name));
    const events = ['exit', 'beforeExit', 'SIGTERM'];
    const before = events.map((event) => process.listenerCount(event));
    const clients = Array.from({ length: 25 }, () => tidemark({ url: 'http://127.0.0.1:9', exitMs: 10 }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    console.log(events.map((event, at) => process.listenerCount(event) - before[at]).join());
    await Promise.all(clients.map((client) => client.close({ timeoutMs: 10 })));
    console.log(events.map((event, at) => process.listenerCount(event) - before[at]).join());`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { timeout: 90_000 });
  expect(stdout.trim().split('\n')).toEqual(['1,1,1', '0,0,0']);
});
