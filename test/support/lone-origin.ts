import type { ErrorCode } from '../../src/core/errors.js';
import type { DecodedFrame } from '../../src/core/event-batch.js';
import type { Admission, FrameOrigin, FrameResult } from '../../src/ingest/frame-origin.js';

/** An origin that admits as it is told to, and remembers what it was told. */
export class LoneOrigin implements FrameOrigin {
  readonly tenant = 'acme';
  readonly contentAllowed = false;
  readonly user = null;
  readonly producer = 'p';
  readonly waits = true;
  faultedBy: ErrorCode | null = null;
  admission: Admission = { kind: 'append', seq: 1 };
  readonly told: string[] = [];
  readonly acknowledged: FrameResult[] = [];

  admit(frame: DecodedFrame, lastSeq: number): Admission {
    this.told.push(`admit ${frame.events} after ${lastSeq}`);
    return this.admission;
  }

  condemn(code: ErrorCode): void {
    this.told.push(`condemn ${code}`);
  }

  acknowledge(result: FrameResult): void {
    this.acknowledged.push(result);
    this.told.push(`acknowledge ${result.seq}`);
  }

  refuse(code: ErrorCode): void {
    this.faultedBy ??= code;
    this.told.push(`refuse ${code}`);
  }

  flush(): void {}
}

/** A frame of events that are all accepted. */
export function decodedFrame(events: number): DecodedFrame {
  return {
    seq: null,
    events,
    accepted: events,
    rows: events,
    rejected: 0,
    errors: [],
    rejectedByCode: {},
    fault: null,
  };
}
