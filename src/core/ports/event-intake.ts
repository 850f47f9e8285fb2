/** An event that a request of the API makes, not an agent. */
export interface IntakeEvent {
  readonly tenant: string;
  readonly contentAllowed: boolean;
  /** Fields of the event schema, without `event_id`. */
  readonly fields: Readonly<Record<string, string | number>>;
  /** The `Idempotency-Key` of the request; a second event with it and the same `purpose` is the first one again. */
  readonly idempotencyKey: string | undefined;
  readonly purpose: string;
  /** As sent: the same key with another one is refused. */
  readonly requestBody: Uint8Array;
}

export interface IntakeOutcome {
  readonly eventId: string;
  /** It was taken before: nothing is counted a second time. */
  readonly duplicate: boolean;
}

export interface EventIntake {
  /**
   * Resolves when the event is on disk. Rejects with CollectorError: `spool_full`, `spool_failed`, `overloaded`,
   * `stopping`, `idempotency_mismatch`, or a `RequestProblem` that names the field at fault.
   */
  accept(event: IntakeEvent): Promise<IntakeOutcome>;
}
