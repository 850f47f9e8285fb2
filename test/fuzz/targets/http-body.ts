import { ok } from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { pack } from 'msgpackr';
import type { Principal } from '../../../src/core/ports/authenticator.js';
import type { HttpRequest } from '../../../src/core/ports/http-route.js';
import { problemOf } from '../../../src/core/problem.js';
import { createBatchDecoder } from '../../../src/decode/decode-batch.js';
import { createEventsRoute } from '../../../src/ingest/events-route.js';
import { peekSeq } from '../../../src/ingest/peek-seq.js';
import type { IngestPipeline, SubmittedFrame } from '../../../src/ingest/pipeline.js';
import { RequestFrames } from '../../../src/ingest/request-frames.js';
import { createBatch } from '../../decode/random-events.js';
import { defaultFrameLimits } from '../../support/default-config.js';
import { createBudgets } from '../../support/key-budgets.js';
import { type FuzzTarget, message, splitMessage } from '../fuzz-target.js';
import { decodeSoundly } from '../sound-batch.js';

const principal: Principal = {
  tenant: 'default',
  scopes: new Set(['ingest']),
  keyName: 'fuzz',
  contentAllowed: false,
} as Principal;

/** `POST /v1/events` as head and body, without a socket; `squeeze: 1` compresses the body on its way. */
export function openTarget(): FuzzTarget {
  const decoder = createBatchDecoder(defaultFrameLimits);
  let workedBytes = 0;
  const pipeline = {
    stalled: false,
    bytesInFlight: 0,
    submit({ origin, bytes, format }: SubmittedFrame): void {
      workedBytes = bytes.length;
      if (format !== 'ndjson') checkHint(peekSeq(bytes, format));
      const [frame] = decodeSoundly(decoder, createBatch([{ body: Uint8Array.from(bytes), format }])).frames;
      const admission = origin.admit(frame!, 0);
      if (admission.kind === 'refuse') origin.refuse(admission.code, admission.message);
      else origin.acknowledge({ seq: admission.seq, frame: frame!, duplicate: false, duplicateEvents: 0 });
    },
  } as unknown as IngestPipeline;
  const frames = new RequestFrames(pipeline, { bytesInFlightMax: 1 });
  const route = createEventsRoute(
    { frames, budgets: createBudgets().budgets, onAnswerForgotten: () => {} },
    { ...defaultFrameLimits, firstAnswersMax: 100, firstAnswersCharactersMax: 100_000 },
  );
  return {
    async run(bytes) {
      const { headers, body } = splitMessage(bytes);
      workedBytes = body.length;
      const squeezed = headers.get('squeeze') === '1';
      if (squeezed) headers.set('content-encoding', 'gzip');
      const request = { headers, body: squeezed ? gzipSync(body, { level: 1 }) : body } as unknown as HttpRequest;
      const reply = await Promise.resolve(route.handle(request, principal)).catch(problemOf);
      ok(answers.has(reply.status), `status ${reply.status}`);
      JSON.parse(String(reply.body));
      return Math.max(bytes.length, workedBytes);
    },
    seeds,
    words: ['content-type: ', 'application/', 'msgpack', 'json', 'x-ndjson', 'content-encoding: gzip', 'squeeze: 1'],
    bytesMax: 16_384,
    isTimed: true,
  };
}

const answers: ReadonlySet<number> = new Set([202, 400, 413, 415]);

function checkHint(seq: number | null): void {
  ok(seq === null || typeof seq === 'number', 'a hint that is no number');
}

function seeds(): Uint8Array[] {
  const event = { type: 'task.completed', agent_id: 'a', run_id: 'r', duration_ms: 5, inputs: { topic: 'x', n: 1 } };
  const text = JSON.stringify({ seq: 3, events: [event, { type: 'log' }] });
  const json = { 'content-type': 'application/json' };
  const lines = `${JSON.stringify(event)}\n\n{"type":\n${JSON.stringify(event)}\r\n`;
  return [
    message('POST', json, text),
    message('POST', { ...json, 'idempotency-key': 'k-1', squeeze: '1' }, text),
    message('POST', { ...json, 'content-encoding': 'gzip' }, gzipSync(text)),
    message('POST', { ...json, 'content-encoding': 'br' }, text),
    message('POST', { 'content-type': 'application/x-ndjson; charset=utf-8' }, lines),
    message('POST', { 'content-type': 'application/ndjson', squeeze: '1' }, lines.repeat(20)),
    message('POST', { 'content-type': 'application/msgpack' }, pack({ seq: 70_000, events: [event] })),
    message('POST', { 'content-type': 'application/x-msgpack' }, pack({ seq: 1, columns: ['type'], rows: [['log']] })),
    message('POST', { 'content-type': 'text/plain', 'idempotency-key': '' }, text),
    message('POST', { ...json, squeeze: '1' }, '\0'.repeat(8_000)),
  ];
}
