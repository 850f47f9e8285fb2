import { expect, test } from 'vitest';
import type { ErrorCode } from '../../src/core/errors.js';
import type { Socket } from '../../src/core/ports/socket-route.js';
import type { SubmittedFrame } from '../../src/ingest/pipeline.js';
import { StreamSession } from '../../src/ingest/stream-session.js';
import { FakeClock } from '../support/fake-clock.js';
import { createBudgets } from '../support/key-budgets.js';

/** A socket whose outbound buffer is full from the `fullAfter`-th message on, as of a client that does not read. */
function createSession(fullAfter: number) {
  const closedWith: ErrorCode[] = [];
  const submitted: SubmittedFrame[] = [];
  const faults: ErrorCode[] = [];
  const clock = new FakeClock();
  let sent = 0;
  const socket: Socket = { send: () => (++sent > fullAfter ? 'dropped' : 'sent'), close() {} };
  const session = new StreamSession(
    {
      clock,
      pipeline: {
        submit: (frame) => void submitted.push(frame),
        submitFault: (_origin, { code }) => void faults.push(code),
      },
      socket,
      budget: createBudgets({ clock }).budgets.of({
        tenant: 't',
        keyName: 'k',
        scopes: new Set(),
        contentAllowed: false,
      }),
      lastSeq: () => 0,
      onFinished() {},
      onClosedWith: (code) => closedWith.push(code),
      onGapForgotten() {},
    },
    { tenant: 't', producer: 'p', contentAllowed: false, encoding: 'json', frameBytesMax: 1_000, creditMax: 4 },
  );
  return { session, clock, closedWith, submitted, faults, sentCount: () => sent };
}

test('a client that does not read its answers is counted once, gets no more, and is not read any more', () => {
  const { session, closedWith, submitted, sentCount } = createSession(1);
  session.greet(4);
  session.announceCredit(2);
  session.announceCredit(3);
  expect([closedWith, sentCount()]).toEqual([['client_too_slow'], 2]);
  session.message(new TextEncoder().encode('{}'), false);
  expect(submitted).toEqual([]);
});

test('nothing is told on a connection behind why it ends, and it ends for one reason', () => {
  const { session, closedWith, sentCount } = createSession(100);
  session.greet(4);
  session.refuse('spool_failed', 'nothing of this frame was kept');
  session.announceCredit(2);
  session.replace();
  session.end('stopping');
  expect([closedWith, sentCount()]).toEqual([['spool_failed'], 2]);
});

test('a smaller credit holds against the client only after a frame on its way has had time to arrive', () => {
  const { session, clock, submitted, faults } = createSession(100);
  session.greet(4);
  session.announceCredit(1);
  const send = () => session.message(new TextEncoder().encode('{}'), false);
  for (let frame = 0; frame < 3; frame++) send();
  expect([submitted.length, faults]).toEqual([3, []]);
  clock.advance(30_000);
  send();
  expect([submitted.length, faults]).toEqual([3, ['credit_overrun']]);
});
