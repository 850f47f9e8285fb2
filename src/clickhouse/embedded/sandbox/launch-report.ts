/** How the engine's process is confined; `detail` says what is held, or why nothing is. */
export interface EngineSandbox {
  readonly kind: 'landlock' | 'none';
  readonly detail: string;
}

/** `auto`: where the platform has a sandbox; `on`: only with one; `off`: without. */
export type SandboxMode = 'auto' | 'on' | 'off';

/**
 * The launcher's only message, before the engine's own: it is about to become the engine (`launching`), which is when
 * the collector may send its `start`, or ends because it has no sandbox and should have one (`unconfined`).
 */
export type LaunchReport =
  | { readonly type: 'launching'; readonly sandbox: EngineSandbox }
  | { readonly type: 'unconfined'; readonly message: string };
