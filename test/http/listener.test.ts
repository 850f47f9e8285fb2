import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { listen, urlHost } from '../../src/http/listener.js';

test('a URL has brackets around an IPv6 address, and around no other host', () => {
  expect(['::1', '::', '127.0.0.1', 'collector.example'].map(urlHost)).toEqual([
    '[::1]',
    '[::]',
    '127.0.0.1',
    'collector.example',
  ]);
});

test('who takes a port has it alone: the next one hears that it is taken, and where', async () => {
  const [first, second] = [createServer(), createServer()];
  onTestFinished(() => void first.close());
  const port = await listen(first, { host: '127.0.0.1', port: 0 });
  expect(port).toBeGreaterThan(0);
  await expect(listen(second, { host: '127.0.0.1', port })).rejects.toMatchObject({
    code: 'port_taken',
    message: expect.stringMatching(`^cannot listen on 127.0.0.1:${port}: another program has port ${port}; `),
  });
});

test('a name that no name server tells is refused in words', async () => {
  const server = createServer();
  server.listen = () => {
    server.emit('error', Object.assign(new Error('getaddrinfo'), { code: 'EAI_AGAIN' }));
    return server;
  };
  await expect(listen(server, { host: 'collector.example', port: 7077 })).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringMatching('^cannot listen on collector.example:7077: no name server tells its address; '),
  });
});
