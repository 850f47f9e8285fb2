export type AuditValue = string | number | boolean | null;

/** Something that an administrator did or wanted to do. Never a secret, and of a person no more than a digest. */
export interface AuditEntry {
  /** `createKey`, `eraseUser`: the id of the operation. */
  readonly action: string;
  /** `done`, or the code of the error. */
  readonly outcome: string;
  /** Null: nobody's, as of a request without a key that is known. */
  readonly tenant: string | null;
  /** Name of the key that asked; `local:<user of the system>` for the command line. */
  readonly actor: string | null;
  /** Where from: an IPv4 address, or the network of an IPv6 one; null for the command line. */
  readonly address: string | null;
  /** What it was done to, by name. */
  readonly what: Readonly<Record<string, AuditValue>>;
}

export interface RecordedEntry extends AuditEntry {
  /** RFC 3339. */
  readonly at: string;
}

export interface AuditQuery {
  /** Null: of all. */
  readonly tenant: string | null;
  /** Null: until now. */
  readonly untilMs: number | null;
  readonly limit: number;
}

export interface AuditLog {
  /** On disk, or counted as not written, when it resolves. Never rejects: what was done is done. */
  record(entry: AuditEntry): Promise<void>;
  /** Somebody without the right to it has asked for what is the administrators'. Bounded: not all are kept. */
  recordRefusal(entry: AuditEntry): void;
  /** The newest first. */
  read(query: AuditQuery): Promise<readonly RecordedEntry[]>;
}
