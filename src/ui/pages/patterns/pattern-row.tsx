import { memo, type ReactNode } from 'react';
import type { Answers } from '../../api/client.js';
import { formatCount, formatExact, formatRatio } from '../../format/numbers.js';
import { Time } from '../../parts/time.js';
import { links } from '../../routing/links.js';
import { Cut, RowLink } from '../../work/row-cells.js';
import { Cell, HeadCell, PlaceOfRow, WorkHeader, WorkRow, type WorkRowOptions } from '../../work/virtual-table.js';

export type Pattern = Answers['Pattern'];

const columns = 'grid-cols-[minmax(8rem,1fr)_minmax(7rem,.7fr)_minmax(8rem,2fr)_5rem_6rem_6rem_4rem_5rem_6rem_8.5rem]';
const grid = `grid items-center gap-x-3 ${columns}`;

export function PatternHeader() {
  return (
    <WorkHeader grid={grid}>
      <HeadCell>Pattern</HeadCell>
      <HeadCell>Type</HeadCell>
      <HeadCell>Name</HeadCell>
      <HeadCell isNumber>Confidence</HeadCell>
      <HeadCell isNumber>Effectiveness</HeadCell>
      <HeadCell isNumber>Observations</HeadCell>
      <HeadCell isNumber>Agents</HeadCell>
      <HeadCell isNumber>Evidence</HeadCell>
      <HeadCell isNumber>Feedback</HeadCell>
      <HeadCell>Last seen</HeadCell>
    </WorkHeader>
  );
}

export const PatternRow = memo(function PatternRow({
  row,
  index,
  marked,
  isOneLine,
  onMark,
}: WorkRowOptions & {
  readonly row: Pattern | undefined;
  readonly onMark: (id: string, index: number) => void;
}) {
  if (row === undefined) return <PlaceOfRow marked={marked} />;
  const link = (
    <RowLink id={row.pattern_id} href={links.pattern(row.pattern_id)} onGo={() => onMark(row.pattern_id, index)} />
  );
  return (
    <WorkRow index={index} marked={marked} isOneLine={isOneLine} grid={grid}>
      {isOneLine ? <OneLine row={row} link={link} /> : <TwoLines row={row} link={link} />}
    </WorkRow>
  );
});

interface CellsOptions {
  readonly row: Pattern;
  readonly link: ReactNode;
}

function OneLine({ row, link }: CellsOptions) {
  const number = (value: number) => (
    <Cell isNumber className="tabular" title={formatExact(value)}>
      {formatCount(value)}
    </Cell>
  );
  return (
    <>
      <Cell>{link}</Cell>
      <Cell>
        <Cut text={row.pattern_type} />
      </Cell>
      <Cell>
        <Cut text={row.name ?? row.description} />
      </Cell>
      <Cell isNumber className="tabular">
        {formatRatio(row.confidence)}
      </Cell>
      <Cell isNumber className="tabular">
        {formatRatio(row.effectiveness)}
      </Cell>
      {number(row.observations)}
      {number(row.agent_count)}
      <Cell isNumber className="tabular">
        {evidenceOf(row)}
      </Cell>
      <Cell isNumber className="tabular">
        {feedbackOf(row)}
      </Cell>
      <Cell>
        <Time at={row.last_seen} />
      </Cell>
    </>
  );
}

function TwoLines({ row, link }: CellsOptions) {
  return (
    <>
      <Cell className="flex items-center gap-2">
        <span className="min-w-0 flex-1">{link}</span>
        <span className="shrink-0 text-xs text-soft">
          <Time at={row.last_seen} />
        </span>
      </Cell>
      <Cell className="flex items-center gap-2 text-xs text-soft">
        <Cut text={row.name ?? row.pattern_type} className="flex-1" />
        <span className="tabular shrink-0">
          {formatCount(row.observations)} seen, {formatRatio(row.confidence)}
        </span>
      </Cell>
    </>
  );
}

/** A count above 10,000 is near to what it is. */
export function evidenceOf({
  evidence_count: count,
  evidence_count_exact: isExact,
}: Pick<Pattern, 'evidence_count' | 'evidence_count_exact'>): string {
  return isExact ? formatExact(count) : `about ${formatCount(count)}`;
}

/** How many, and their mean score. */
export function feedbackOf({ feedback: { count, avg_score: mean } }: Pick<Pattern, 'feedback'>): string {
  if (count === 0) return '0';
  return mean === null ? formatExact(count) : `${formatExact(count)}, mean ${Number(mean.toFixed(2))}`;
}
