export interface ChartSeries {
  readonly name: string;
  /** One a time; null where nothing is known: the line has a gap there. */
  readonly values: readonly (number | null)[];
  /** A colour of the theme, such as `good`. */
  readonly tone: string;
}

export interface TimeChartProps {
  /** Read aloud: what the chart shows. */
  readonly label: string;
  /** Starts of the buckets, in order, as long as each other. Buckets of whole days are those of UTC. */
  readonly times: readonly Date[];
  readonly series: readonly ChartSeries[];
  /** How long a bucket is, for when there is only one. */
  readonly bucketMs?: number | undefined;
  /** Each value stands on those of the series before it. */
  readonly stacked?: boolean;
  readonly kind?: 'line' | 'bars';
  /** What a value reads, on the axis and under the cursor. */
  readonly format: (value: number | null | undefined) => string;
  /** The axis reaches at least from and to here. */
  readonly range?: readonly [min: number | null, max: number | null];
  /** Charts of one name share a cursor. */
  readonly cursorGroup?: string;
  /** Given: a range that is drawn with the pointer is handed over, in whole buckets, and not zoomed into. */
  readonly onRange?: (from: Date, to: Date) => void;
  /** Pixels. */
  readonly height?: number;
}
