import { useEffect, useMemo, useRef } from 'react';
import { onSchemeChange, themeColour } from '../../charts/chart-colours.js';
import { formatDuration } from '../../format/durations.js';
import { type FlameBox, flameBoxes } from './flame-layout.js';
import type { Span } from './timeline-nodes.js';
import type { TimelineTree } from './timeline-rows.js';
import type { RunView } from './use-run-view.js';
import { workName, workTone } from './work-look.js';

const laneHeight = 20;
const textWidthMin = 28;
const canvasHeightMax = 16_000;

/** Work as boxes below what began it, as long as it took: one picture of the whole run, drawn on a canvas. */
export function FlameView({
  tree,
  view,
  whole,
  nowOffsetMs,
}: {
  readonly tree: TimelineTree;
  readonly view: RunView;
  readonly whole: Span;
  readonly nowOffsetMs: number;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const boxes = useMemo(() => flameBoxes(tree, nowOffsetMs), [tree, nowOffsetMs]);
  const window = view.window ?? whole;
  const lanes = boxes.reduce((most, { lane }) => Math.max(most, lane + 1), 1);
  const height = Math.min(canvasHeightMax, lanes * laneHeight);
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const redraw = () => draw(element, { boxes, window, height, selected: view.node });
    redraw();
    const resize = new ResizeObserver(redraw);
    resize.observe(element);
    const unwatch = onSchemeChange(redraw);
    return () => {
      resize.disconnect();
      unwatch();
    };
  }, [boxes, window, height, view.node]);
  const boxAt = (element: HTMLCanvasElement, x: number, y: number) => boxUnder(element, { x, y, boxes, window });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section aria-label="Flame view" tabIndex={0} className="h-full overflow-auto p-2">
      {view.window !== null && (
        <button
          type="button"
          className="mb-1 rounded px-1 text-sm text-accent hover:bg-raised"
          onClick={() => view.zoom(null)}
        >
          Show all of it
        </button>
      )}
      <canvas
        ref={canvas}
        role="img"
        aria-label={`${boxes.length} pieces of work by time; the timeline and the log have them as text`}
        className="block w-full cursor-pointer"
        style={{ height }}
        onMouseMove={(event) => {
          const box = boxAt(event.currentTarget, event.clientX, event.clientY);
          event.currentTarget.title =
            box === undefined ? '' : `${workName(box.node)}: ${formatDuration(box.toMs - box.fromMs)}`;
        }}
        onClick={(event) => {
          const box = boxAt(event.currentTarget, event.clientX, event.clientY);
          view.select(box?.node.node ?? '');
        }}
        onDoubleClick={(event) => {
          const box = boxAt(event.currentTarget, event.clientX, event.clientY);
          if (box !== undefined && box.toMs > box.fromMs) view.zoom(box);
        }}
      />
    </section>
  );
}

function boxUnder(
  element: HTMLCanvasElement,
  of: { readonly x: number; readonly y: number; readonly boxes: readonly FlameBox[]; readonly window: Span },
): FlameBox | undefined {
  const { x, y, boxes, window } = of;
  const { left, top, width } = element.getBoundingClientRect();
  const msOfPixel = (window.toMs - window.fromMs) / width;
  const atMs = window.fromMs + (x - left) * msOfPixel;
  const lane = Math.floor((y - top) / laneHeight);
  return boxes.find(
    (box) => box.lane === lane && box.fromMs <= atMs && atMs <= Math.max(box.toMs, box.fromMs + hitPixels * msOfPixel),
  );
}

/** A box that is narrower is hit as if it were so wide. */
const hitPixels = 3;

function draw(
  element: HTMLCanvasElement,
  of: {
    readonly boxes: readonly FlameBox[];
    readonly window: Span;
    readonly height: number;
    readonly selected: string;
  },
): void {
  const ratio = globalThis.devicePixelRatio;
  const width = element.clientWidth;
  element.width = Math.round(width * ratio);
  element.height = Math.round(of.height * ratio);
  const context = element.getContext('2d');
  if (context === null) return;
  context.scale(ratio, ratio);
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  const colours = new Map(['bad', 'busy', 'soft', 'accent', 'good'].map((tone) => [tone, themeColour(tone)]));
  const [panel, ink] = [themeColour('panel'), themeColour('ink')];
  const scale = width / Math.max(1e-6, of.window.toMs - of.window.fromMs);
  for (const { node, fromMs, toMs, lane } of of.boxes) {
    const left = Math.max(0, (fromMs - of.window.fromMs) * scale);
    const right = Math.min(width, Math.max((toMs - of.window.fromMs) * scale, left + 1.5));
    if (right < 0 || left > width) continue;
    const top = lane * laneHeight;
    context.globalAlpha = node.critical ? 1 : 0.7;
    context.fillStyle = colours.get(workTone(node)) ?? ink;
    context.fillRect(left, top, Math.max(1, right - left - 0.5), laneHeight - 1.5);
    context.globalAlpha = 1;
    if (node.node === of.selected) {
      context.strokeStyle = ink;
      context.lineWidth = 2;
      context.strokeRect(left + 1, top + 1, Math.max(1, right - left - 2), laneHeight - 3.5);
    }
    if (right - left < textWidthMin) continue;
    context.save();
    context.beginPath();
    context.rect(left, top, right - left - 3, laneHeight);
    context.clip();
    context.fillStyle = panel;
    context.fillText(workName(node), left + 4, top + laneHeight / 2);
    context.restore();
  }
}
