import { useCallback, useEffect, useRef, useState } from 'react';

/** A person reads no faster; a frame each would cost six times as much. */
const drawMsMin = 100;

/**
 * For what changes more often than it can be looked at: `changed` asks for a drawing, which is done in the next frame,
 * and not within 100 ms of the one before. The first of the pair counts the drawings.
 */
export function useDrawing(): readonly [drawing: number, changed: () => void] {
  const [drawing, setDrawing] = useState(0);
  const asked = useRef(false);
  const drawnAtMs = useRef(0);
  const ends = useRef<() => void>(() => undefined);
  const changed = useCallback(() => {
    if (asked.current) return;
    asked.current = true;
    let frame = 0;
    const waitMs = Math.max(0, drawnAtMs.current + drawMsMin - performance.now());
    const timer = setTimeout(() => {
      frame = requestAnimationFrame(() => {
        asked.current = false;
        drawnAtMs.current = performance.now();
        setDrawing((before) => before + 1);
      });
    }, waitMs);
    ends.current = () => {
      clearTimeout(timer);
      cancelAnimationFrame(frame);
      asked.current = false;
    };
  }, []);
  useEffect(() => () => ends.current(), []);
  return [drawing, changed];
}
