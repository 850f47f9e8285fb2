/** A metric of `/metrics`, as `metrics-reference.ts` declares it and `metrics.ts` builds it. */
export interface MetricDeclaration {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram, ascending, without +Inf. */
  readonly buckets?: readonly number[];
  /** Values of the only label that are on the page, as 0, before the first of them is counted. */
  readonly zeros?: readonly string[];
}

type Extra = Pick<MetricDeclaration, 'zeros'> & { readonly labels?: readonly string[] };

export function counter(name: string, help: string, extra: Extra = {}): MetricDeclaration {
  return { name, type: 'counter', help, labels: [], ...extra };
}

export function gauge(name: string, help: string, labels: readonly string[] = []): MetricDeclaration {
  return { name, type: 'gauge', help, labels };
}

export function histogram(
  name: string,
  help: string,
  extra: { readonly buckets: readonly number[]; readonly labels?: readonly string[] },
): MetricDeclaration {
  return { name, type: 'histogram', help, labels: [], ...extra };
}

export function doubling(from: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, power) => from * 2 ** power);
}

/** From half a millisecond to eight seconds. */
export const fastSeconds = doubling(0.0005, 15);
