import type { Span } from './timeline-nodes.js';

/** Marks of an axis of durations: at most `marksMax`, at round steps. */
export function axisMarks({ fromMs, toMs }: Span, marksMax: number): readonly number[] {
  const step = roundStep((toMs - fromMs) / Math.max(1, marksMax));
  const marks: number[] = [];
  for (let at = Math.ceil(fromMs / step) * step; at <= toMs; at += step) marks.push(at);
  return marks;
}

const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000];
const longSteps = [60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 86_400_000];

function roundStep(atLeast: number): number {
  const found = [...steps, ...longSteps].find((step) => step >= atLeast);
  return found ?? Math.ceil(atLeast / 86_400_000) * 86_400_000;
}

/** Where a span lies in a window, in percent of its width; null where it does not reach into it. */
export function placeIn(window: Span, span: Span): { readonly left: number; readonly width: number } | null {
  if (span.toMs < window.fromMs || span.fromMs > window.toMs) return null;
  const wide = Math.max(1e-6, window.toMs - window.fromMs);
  const left = Math.max(0, (span.fromMs - window.fromMs) / wide);
  const right = Math.min(1, (span.toMs - window.fromMs) / wide);
  return { left: 100 * left, width: 100 * Math.max(0, right - left) };
}

/** `1200-4800` of an address; null for anything else. */
export function parseWindow(text: string): Span | null {
  const match = /^(-?\d+(?:\.\d+)?)-(-?\d+(?:\.\d+)?)$/.exec(text);
  if (match === null) return null;
  const [fromMs, toMs] = [Number(match[1]), Number(match[2])];
  return toMs > fromMs ? { fromMs, toMs } : null;
}

export function windowText({ fromMs, toMs }: Span): string {
  return `${Number(fromMs.toFixed(2))}-${Number(toMs.toFixed(2))}`;
}
