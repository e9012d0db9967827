/** The small map: every item a point in its class's colour; what would change stands out, a round of the propagation can be shown on it. */
import { h } from "../shared/dom";
import { classColour, rgb } from "../shared/palette";

export interface MapData {
  positions: Uint32Array;
  /** x, y of each point, 0 to 65,535 along the longer side. */
  places: Uint16Array;
  classes: Int16Array;
  /** 0 to 7. */
  sure: Uint8Array;
  width: number;
  height: number;
}

export interface Change {
  item: number;
  before: number;
  after: number;
}

const EDGE = 10;

/** Opacity of a point that is 0 ... 7 sure, in 0 ... 1: the unsure fade, none vanishes. */
export function opacity(sure: number): number {
  return 0.35 + (0.65 * sure) / 7;
}

/** Index of the point nearest to x, y (0 ... 65,535), within `reach`; -1 where there is none. */
export function nearest(places: Uint16Array, x: number, y: number, reach: number): number {
  let best = -1;
  let least = reach * reach;
  for (let i = 0; i < places.length / 2; i++) {
    const dx = places[2 * i] - x;
    const dy = places[2 * i + 1] - y;
    const far = dx * dx + dy * dy;
    if (far < least) {
      least = far;
      best = i;
    }
  }
  return best;
}

export class ItemMap {
  readonly canvas = h("canvas", { class: "lnb-map", role: "img" });
  private data: MapData | null = null;
  private index = new Map<number, number>();
  private frame: { classes: Int16Array; sure: Uint8Array } | null = null;
  private changes: readonly Change[] = [];
  private item = -1;
  private waiting = 0;

  constructor(private readonly look: () => { dark: boolean; neutral: string }, onPick: (item: number) => void) {
    this.canvas.addEventListener("click", (event) => {
      const { data } = this;
      if (!data) return;
      const scale = this.scale();
      const box = this.canvas.getBoundingClientRect();
      const at = nearest(data.places, (event.clientX - box.left - scale.left) / scale.size, (event.clientY - box.top - scale.top) / scale.size, 14 / scale.size);
      if (at >= 0) onPick(data.positions[at]);
    });
  }

  show(data: MapData): void {
    this.data = data;
    this.index = new Map(Array.from(data.positions, (position, i) => [position, i]));
    this.frame = null;
    this.draw();
  }

  /** The round of a propagation, or null for the proposal itself. */
  play(frame: { classes: Int16Array; sure: Uint8Array } | null): void {
    this.frame = frame;
    this.draw();
  }

  mark(changes: readonly Change[]): void {
    this.changes = changes;
    this.draw();
  }

  current(item: number): void {
    this.item = item;
    this.draw();
  }

  /** Class of an item in the frame that is shown, undefined where none is or the item is not on the map. */
  classAt(item: number): number | undefined {
    const at = this.index.get(item);
    return this.frame && at !== undefined ? this.frame.classes[at] : undefined;
  }

  /** Draws at the next frame of the screen. */
  draw(): void {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.paint();
    });
  }

  close(): void {
    cancelAnimationFrame(this.waiting);
  }

  private scale(): { size: number; left: number; top: number } {
    const { width = 1, height = 1 } = this.data ?? {};
    const [w, v] = [this.canvas.clientWidth - 2 * EDGE, this.canvas.clientHeight - 2 * EDGE];
    const size = Math.max(1, Math.min(w / Math.max(width, 1e-6), v / Math.max(height, 1e-6)));
    return { size: size / 65_535, left: EDGE + (w - width * size) / 2, top: EDGE + (v - height * size) / 2 };
  }

  private paint(): void {
    const { data, canvas } = this;
    const pixels = Math.min(2, window.devicePixelRatio || 1);
    const [width, height] = [Math.round(canvas.clientWidth * pixels), Math.round(canvas.clientHeight * pixels)];
    if (!data || width < 20 || height < 20) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    if (!context) return;
    const { neutral, dark } = this.look();
    context.setTransform(pixels, 0, 0, pixels, 0, 0);
    context.clearRect(0, 0, width, height);
    const { size, left, top } = this.scale();
    const { classes, sure } = this.frame ?? data;
    const radius = data.positions.length > 4_000 ? 1.5 : data.positions.length > 800 ? 2 : 3;
    const changes = this.frame ? [] : this.changes;      // these are about the solution, not about a round
    const faded = changes.length ? 0.3 : 1;
    for (let i = 0; i < data.positions.length; i++) {
      const known = classes[i] >= 0;
      const [r, g, b] = rgb(known ? classColour(classes[i]) : neutral);
      context.fillStyle = `rgb(${r} ${g} ${b} / ${((known ? opacity(sure[i]) : 0.55) * faded).toFixed(2)})`;
      const side = known ? radius : radius * 0.7;
      context.fillRect(left + data.places[2 * i] * size - side, top + data.places[2 * i + 1] * size - side, 2 * side, 2 * side);
    }
    const at = (item: number): [number, number] | null => {
      const i = this.index.get(item);
      return i === undefined ? null : [left + data.places[2 * i] * size, top + data.places[2 * i + 1] * size];
    };
    const ink = dark ? "#fff" : "#000";
    for (const { item, before, after } of changes) {
      const place = at(item);
      if (!place) continue;
      // The old class as a ring around the new one: read from outside to inside.
      for (const [cls, big] of [[before, 6.5], [after, 4]] as const) {
        context.beginPath();
        context.arc(place[0], place[1], big, 0, 2 * Math.PI);
        context.fillStyle = cls >= 0 ? classColour(cls) : neutral;
        context.fill();
      }
      context.beginPath();
      context.arc(place[0], place[1], 6.5, 0, 2 * Math.PI);
      context.lineWidth = 1;
      context.strokeStyle = ink;
      context.stroke();
    }
    const here = at(this.item);
    if (here) {
      context.lineWidth = 2;
      context.strokeStyle = ink;
      context.strokeRect(here[0] - 8, here[1] - 8, 16, 16);
    }
  }
}
