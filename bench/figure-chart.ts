import { scaleLinear, scalePoint } from 'd3-scale';
import { line } from 'd3-shape';
import type { Measured } from './run-summary.js';

export interface MeasuredCommit {
  readonly commit: string;
  readonly lines: readonly Measured[];
}

interface Panel {
  readonly name: string;
  readonly unit: string;
  readonly floor: number | null;
  readonly goal: number | null;
  /** By commit, in the order of the commits. */
  readonly values: ReadonlyMap<string, readonly number[]>;
}

const panel = { width: 460, height: 200, left: 64, right: 24, top: 36, bottom: 44 } as const;
const columns = 2;
const titleHeight = 40;
const ticks = 4;

/** SVG text, a panel a figure; `runs` in the order of their time. */
export function renderChart(runs: readonly MeasuredCommit[], machine: string): string {
  const panels = panelsOf(runs);
  const width = columns * panel.width;
  const height = titleHeight + Math.ceil(panels.length / columns) * panel.height;
  const drawn = panels.map((of, index) => {
    const x = (index % columns) * panel.width;
    const y = titleHeight + Math.floor(index / columns) * panel.height;
    return `<g transform="translate(${x} ${y})">${drawPanel(of)}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`,
    ' font-family="system-ui, sans-serif" font-size="11" fill="#222">',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="16" y="24" font-size="14">Figures of npm run bench by commit, ${xmlText(machine)}</text>`,
    ...drawn,
    '</svg>\n',
  ].join('');
}

function panelsOf(runs: readonly MeasuredCommit[]): Panel[] {
  const names = [...new Set(runs.flatMap(({ lines }) => lines.map(({ name }) => name)))];
  return names.map((name) => {
    const values = new Map<string, number[]>();
    let newest: Measured | null = null;
    for (const { commit, lines } of runs) {
      const found = lines.find((entry) => entry.name === name);
      if (found === undefined) continue;
      newest = found;
      values.set(commit, [...(values.get(commit) ?? []), found.value]);
    }
    return { name, unit: newest?.unit ?? '', floor: newest?.floor ?? null, goal: newest?.goal ?? null, values };
  });
}

function drawPanel({ name, unit, floor, goal, values }: Panel): string {
  const commits = [...values.keys()];
  const all = [...values.values()].flat();
  const bounds = [floor, goal].filter((value) => value !== null);
  const x = scalePoint(commits, [panel.left, panel.width - panel.right]).padding(0.5);
  const y = scaleLinear([0, Math.max(...all, ...bounds) * 1.05], [panel.height - panel.bottom, panel.top]).nice(ticks);
  const at = (commit: string): number => x(commit) ?? 0;
  const medians = commits.map((commit): [number, number] => [at(commit), y(median(values.get(commit) ?? []))]);
  const right = panel.width - panel.right;
  const levels = y.ticks(ticks).map((tick) => {
    const level = `<line x1="${panel.left}" x2="${right}" y1="${y(tick)}" y2="${y(tick)}" stroke="#e3e3e3"/>`;
    const text = xmlText(y.tickFormat(ticks, 's')(tick));
    return `${level}<text x="${panel.left - 6}" y="${y(tick) + 4}" text-anchor="end">${text}</text>`;
  });
  const marks = [
    { says: 'floor', value: floor, colour: '#b3261e' },
    { says: 'goal', value: goal, colour: '#1a7f37' },
  ].map(({ says, value, colour }) => {
    if (value === null) return '';
    const level = `<line x1="${panel.left}" x2="${right}" y1="${y(value)}" y2="${y(value)}"`;
    const text = `<text x="${right}" y="${y(value) - 3}" text-anchor="end" fill="${colour}">${says}</text>`;
    return `${level} stroke="${colour}" stroke-dasharray="4 3"/>${text}`;
  });
  const dots = commits.flatMap((commit) =>
    (values.get(commit) ?? []).map((value) => `<circle cx="${at(commit)}" cy="${y(value)}" r="2.5" fill="#2457a6"/>`),
  );
  const labels = commits.map((commit) => {
    const place = `translate(${at(commit)} ${panel.height - panel.bottom + 12}) rotate(20)`;
    return `<text transform="${place}">${xmlText(commit)}</text>`;
  });
  const title = `<text x="${panel.left}" y="20" font-weight="600">${xmlText(name)} (${xmlText(unit)})</text>`;
  const path = `<path d="${line()(medians) ?? ''}" fill="none" stroke="#2457a6"/>`;
  return [title, ...levels, ...marks, path, ...dots, ...labels].join('');
}

/** Of an even number of values the lower of the two in the middle, which was measured. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;
}

function xmlText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
