/** Moving a cursor over cards that wrap. */

export interface Rect {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Where an arrow key leads from card `at`: the next or the one before, or the nearest in the row above or below. -1 leaves the page. */
export function move(rects: readonly Rect[], at: number, key: string, rightToLeft = false): number {
  if (key === "Home") return 0;
  if (key === "End") return rects.length - 1;
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const to = at + ((key === "ArrowRight") !== rightToLeft ? 1 : -1);
    return to < 0 || to >= rects.length ? -1 : to;
  }
  const down = key === "ArrowDown";
  const from = rects[at];
  const beyond = rects.map((rect, i) => ({ i, away: down ? rect.top - from.top : from.top - rect.top, rect })).filter(({ away }) => away > from.height / 4);
  if (!beyond.length) return -1;
  const row = Math.min(...beyond.map(({ away }) => away));
  const middle = from.left + from.width / 2;
  let best = -1;
  let nearest = Infinity;
  for (const { i, away, rect } of beyond) {
    const aside = Math.abs(rect.left + rect.width / 2 - middle);
    if (away < row + 4 && aside < nearest) {
      nearest = aside;
      best = i;
    }
  }
  return best;
}

/** The positions between two ends, both included. */
export function between(a: number, b: number): number[] {
  const [low, high] = a < b ? [a, b] : [b, a];
  return Array.from({ length: high - low + 1 }, (_, i) => low + i);
}
