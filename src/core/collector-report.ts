/** Where things are, for the person who started it. */
export interface CollectorReport {
  readonly url: string;
  readonly storeUrl: string;
  readonly dataDir: string;
  /** Made at this start; null when there were keys. */
  readonly generatedAdminKey: string | null;
  /** Of the embedded engine's reader `default`, made at this start; null when there was one. */
  readonly generatedReaderPassword: string | null;
  readonly keysFromConfig: boolean;
}
