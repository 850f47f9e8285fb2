export const healthStatuses = ['healthy', 'degraded', 'unhealthy'] as const;

export type HealthStatus = (typeof healthStatuses)[number];

export interface DependencyHealth {
  readonly name: string;
  readonly status: HealthStatus;
  /** One sentence when it is not healthy. */
  readonly reason: string | null;
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
}

export interface HealthProbe {
  /** The dependency's name, known even when it does not answer. */
  readonly name: string;
  /** What the collector is when this is unhealthy or silent: `degraded` where events are accepted all the same. */
  readonly ifUnhealthy: 'degraded' | 'unhealthy';
  health(): DependencyHealth | Promise<DependencyHealth>;
}
