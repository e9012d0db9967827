/** The items of one cluster as points: draw around some, and they are marked. The grid beside it does the same by keys. */
import { fillPolygon } from "../explorer/lasso";
import { h } from "../shared/dom";

const SIDE = 220;
const MARGIN = 8;

/** The points whose pixel lies inside a drawn shape; `places` are u16 pairs over the whole square. */
export function inside(places: Uint16Array, shape: readonly number[], side: number, margin: number): number[] {
  const mask = fillPolygon(shape, side, side);
  if (!mask) return [];
  const found: number[] = [];
  for (let i = 0; i < places.length >> 1; i++) {
    const x = Math.floor(at(places[2 * i], side, margin)) - mask.left;
    const y = Math.floor(at(places[2 * i + 1], side, margin)) - mask.top;
    if (x >= 0 && y >= 0 && x < mask.width && y < mask.height && mask.inside[y * mask.width + x]) found.push(i);
  }
  return found;
}

const at = (value: number, side: number, margin: number): number => margin + (value / 65535) * (side - 2 * margin);

export class SmallMap {
  readonly element: HTMLElement;
  private readonly canvas = h("canvas", { class: "lnb-cluster-canvas", role: "img", "aria-label": "Map of the cluster's items. Draw around points to mark them; by keys, mark them in the list." });
  private shape: number[] = [];
  private drawing = false;

  constructor(private readonly positions: Uint32Array, private readonly places: Uint16Array, private readonly marked: ReadonlySet<number>, private readonly onLasso: (positions: number[], add: boolean) => void) {
    this.element = h("figure", { class: "lnb-cluster-map" }, this.canvas, h("figcaption", { class: "lnb-quiet" }, "Draw around points to mark them."));
    this.canvas.addEventListener("pointerdown", (event) => this.begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.go(event));
    this.canvas.addEventListener("pointerup", (event) => this.end(event));
    this.canvas.addEventListener("pointercancel", () => { this.drawing = false; this.shape = []; this.draw(); });
  }

  draw(): void {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = this.canvas.height = Math.round(SIDE * ratio);
    const pen = this.canvas.getContext("2d");
    if (!pen) return;
    const style = getComputedStyle(this.canvas);
    const accent = style.getPropertyValue("--lnb-accent").trim() || "#1f5fa8";
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, SIDE, SIDE);
    const many = this.positions.length > 2000;
    for (const round of [false, true]) {
      pen.fillStyle = round ? accent : style.color;
      pen.globalAlpha = round ? 1 : many ? 0.35 : 0.55;
      const size = round ? 5 : many ? 2 : 3.5;
      for (let i = 0; i < this.positions.length; i++) {
        if (this.marked.has(this.positions[i]) !== round) continue;
        pen.fillRect(at(this.places[2 * i], SIDE, MARGIN) - size / 2, at(this.places[2 * i + 1], SIDE, MARGIN) - size / 2, size, size);
      }
    }
    pen.globalAlpha = 1;
    if (this.shape.length < 4) return;
    pen.strokeStyle = accent;
    pen.lineWidth = 1.5;
    pen.beginPath();
    for (let i = 0; i < this.shape.length; i += 2) pen.lineTo(this.shape[i], this.shape[i + 1]);
    pen.closePath();
    pen.stroke();
  }

  private point(event: PointerEvent): [number, number] {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
  }

  private begin(event: PointerEvent): void {
    if (event.button !== 0) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.drawing = true;
    this.shape = this.point(event);
  }

  private go(event: PointerEvent): void {
    if (!this.drawing) return;
    this.shape.push(...this.point(event));
    this.draw();
  }

  private end(event: PointerEvent): void {
    if (!this.drawing) return;
    this.drawing = false;
    const found = inside(this.places, this.shape, SIDE, MARGIN).map((i) => this.positions[i]);
    this.shape = [];
    this.onLasso(found, event.shiftKey);
    this.draw();
  }
}
