import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { MetricDeclaration } from './metric-declaration.js';

/** All metrics of a page. */
export type { Registry } from 'prom-client';

export function createRegistry(): Registry {
  return new Registry();
}

export function counterOf(registry: Registry, { name, help, labels, zeros }: MetricDeclaration): Counter {
  const counter = new Counter({ name, help, labelNames: [...labels], registers: [registry] });
  for (const value of zeros ?? []) counter.inc({ [labels[0]!]: value }, 0);
  return counter;
}

export function histogramOf(registry: Registry, { name, help, labels, buckets }: MetricDeclaration): Histogram {
  return new Histogram({ name, help, labelNames: [...labels], buckets: [...(buckets ?? [])], registers: [registry] });
}

export function gaugeOf(registry: Registry, { name, help, labels }: MetricDeclaration): Gauge {
  return new Gauge({ name, help, labelNames: [...labels], registers: [registry] });
}

/** A counter whose total is kept elsewhere. */
export function replaceTotal(counter: Counter, total: number): void {
  counter.reset();
  counter.inc(total);
}
