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

/** As W3C Trace Context writes it; a run is the trace, a step the span. */
const parent = /^00-(?!0+-)([\da-f]{32})-([\da-f]{16})-..$/;

/** Also of a `traceparent`. Null for what is none. */
export function readCarrier(text: string): Carried | null {
  const [version, ...parts] = text.trim().replace(parent, 'tm1/$1//$2/').split('/');
  if (version !== 'tm1' || parts.length < 4) return null;
  try {
    const [run = '', task = '', step = '', agent = ''] = parts.map(decodeURIComponent);
    return { run, task, step, agent };
  } catch {
    return null;
  }
}

/** When the ids are of its shapes; else undefined. */
export function traceParent(run: string, innermost: string): string | undefined {
  const text = `00-${run}-${innermost}-01`;
  return parent.test(text) ? text : undefined;
}
