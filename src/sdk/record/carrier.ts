/** Where a run goes on in another process: ids, and the agent. Empty for none. */
export interface Carried {
  readonly run: string;
  readonly task: string;
  readonly step: string;
  readonly agent: string;
}

/**
 * `tm1/<run>/<task>/<step>/<agent>`, each percent-encoded: fits into a header, a message, an argument.
 */
export function writeCarrier({ run, task, step, agent }: Carried): string {
  return ['tm1', ...[run, task, step, agent].map(encodeURIComponent)].join('/');
}

/** Null for what is none. */
export function readCarrier(text: string): Carried | null {
  const [version, ...parts] = text.trim().split('/');
  if (version !== 'tm1' || parts.length < 4) return null;
  try {
    const [run = '', task = '', step = '', agent = ''] = parts.map(decodeURIComponent);
    return { run, task, step, agent };
  } catch {
    return null;
  }
}

/** As W3C Trace Context writes it, when the ids are of its shapes; else undefined. */
export function traceParent(run: string, innermost: string): string | undefined {
  const fits = /^[0-9a-f]{32}$/.test(run) && /^[0-9a-f]{16}$/.test(innermost) && !/^0+$/.test(run);
  return fits ? `00-${run}-${innermost}-01` : undefined;
}
