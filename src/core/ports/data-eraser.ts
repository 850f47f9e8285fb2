export interface DataEraser {
  /**
   * Erases a run or what belongs to a person from the store. The request is durable when this resolves; it is complete,
   * or completed in the background when events before it still wait for their insert. Rejects with `store_unreachable`
   * or `store_overloaded` when it could not be written down.
   */
  erase(request: ErasureRequest): Promise<ErasureReport>;
}

export interface ErasureRequest {
  readonly tenant: string;
  readonly kind: 'run' | 'user';
  readonly id: string;
  /** Name of the key it is asked with. */
  readonly requestedBy: string;
}

export interface ErasureReport {
  readonly erasureId: string;
  readonly kind: 'run' | 'user';
  readonly requestedMs: number;
  /** Null: events received before it have not reached the store yet. */
  readonly completedMs: number | null;
  /** Rows erased, by table. */
  readonly rows: Readonly<Record<string, number>>;
}
