export interface DataEraser {
  /**
   * Erases runs, or what belongs to people, from the store, all of them or none. The request is durable when this
   * resolves; it is complete, or completed in the background when events before it still wait for their insert. Rejects
   * with `store_unreachable` or `store_overloaded` when it could not be written down.
   */
  erase(request: ErasureRequest): Promise<ErasureReport>;
}

export interface ErasureRequest {
  readonly tenant: string;
  readonly kind: 'run' | 'user';
  /** Different ones, at least one. */
  readonly ids: readonly string[];
  /** Name of the key it is asked with. */
  readonly requestedBy: string;
}

export interface ErasureReport {
  readonly erasureId: string;
  readonly kind: 'run' | 'user';
  /** How many runs or people it is about. */
  readonly ids: number;
  readonly requestedMs: number;
  /** Null: events received before it have not reached the store yet. */
  readonly completedMs: number | null;
  /** Rows erased, by table. */
  readonly rows: Readonly<Record<string, number>>;
}
