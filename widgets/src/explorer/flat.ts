/** Points on a plain canvas, pixel by pixel: slower and plainer than WebGL2, and there wherever a browser is. */
import type { Theme } from "../shared/theme";
import { CELL } from "./density";
import { colours, FAINT, MARKED, NONE_COLOUR, SELECTED } from "./looks";
import type { DensityUnder, Frame, Renderer } from "./renderer";
import type { View } from "./view";

export class FlatRenderer implements Renderer {
  readonly kind = "canvas";
  private readonly context: CanvasRenderingContext2D;
  private start: Uint16Array | null = null;
  private end: Uint16Array = new Uint16Array(0);
  private looks: Uint8Array = new Uint8Array(0);
  private colours: Float32Array = new Float32Array(96);
  private ink: [number, number, number] = [0, 0, 0];

  constructor(readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("This browser has no canvas.");
    this.context = context;
  }

  setPositions(xy: Uint16Array): void {
    this.start = this.end.length === xy.length ? this.end : null;
    this.end = xy;
  }

  setLooks(looks: Uint8Array): void {
    this.looks = looks;
  }

  setTheme(theme: Theme): void {
    this.colours = colours(theme);
    this.ink = theme.ink;
  }

  draw(view: View, frame: Frame): void {
    const { width, height } = this.canvas;
    const image = this.context.createImageData(width, height);
    const { density } = frame;
    const rest = frame.rest * frame.points;
    if (density && density.share >= 1) for (const i of density.picked) this.point(image, view, frame, i, this.looks[i], 1);
    // Back to front: what is filtered out, what has no class, what has one, what is marked or selected.
    else for (const layer of [0, 1, 2, 3]) {
      for (let i = 0; i < this.looks.length; i += frame.stride) {
        const look = this.looks[i];
        if (layerOf(look) === layer) this.point(image, view, frame, i, look, layer === 0 ? frame.faded * frame.points : layer === 3 ? 1 : frame.alpha * rest);
      }
    }
    this.context.putImageData(image, 0, 0);
    if (density) this.under(density, frame.ratio);
  }

  /** Lays the density under the points that are drawn already. */
  private under({ picture: { columns, rows, data }, share }: DensityUnder, ratio: number): void {
    const straight = new Uint8ClampedArray(data);
    for (let k = 0; k < straight.length; k += 4) for (let c = 0; c < 3; c++) if (data[k + 3]) straight[k + c] = (255 * data[k + c]) / data[k + 3];
    const small = document.createElement("canvas");
    small.width = columns;
    small.height = rows;
    small.getContext("2d")?.putImageData(new ImageData(straight, columns, rows), 0, 0);
    this.context.globalCompositeOperation = "destination-over";
    this.context.globalAlpha = share;
    this.context.drawImage(small, 0, 0, columns * CELL * ratio, rows * CELL * ratio);
    this.context.globalCompositeOperation = "source-over";
    this.context.globalAlpha = 1;
  }

  destroy(): void {
    this.start = null;
    this.end = new Uint16Array(0);
    this.looks = new Uint8Array(0);
  }

  private point(image: ImageData, view: View, frame: Frame, i: number, look: number, alpha: number): void {
    let x = this.end[2 * i], y = this.end[2 * i + 1];
    if (frame.progress < 1 && this.start) {
      x = this.start[2 * i] + (x - this.start[2 * i]) * frame.progress;
      y = this.start[2 * i + 1] + (y - this.start[2 * i + 1]) * frame.progress;
    }
    const [px, py] = view.toPixel(x / 65535, y / 65535);
    const picked = (look & (SELECTED | MARKED)) !== 0;
    const diameter = picked ? frame.size + frame.outline * (frame.size * 0.25 + Math.min(2.5, frame.size * 0.5)) : frame.size;
    const border = picked && diameter >= 5 && frame.outline >= 0.1 ? frame.outline * Math.max(1.25, frame.size * 0.14) : 0;
    this.disc(image, px * frame.ratio, py * frame.ratio, (diameter * frame.ratio) / 2, 3 * (look & 31), alpha, border * frame.ratio);
  }

  private disc(image: ImageData, cx: number, cy: number, radius: number, colour: number, alpha: number, border: number): void {
    const { width, height, data } = image;
    if (cx < -radius || cy < -radius || cx > width + radius || cy > height + radius) return;
    for (let y = Math.max(0, Math.floor(cy - radius)); y <= Math.min(height - 1, Math.ceil(cy + radius)); y++) {
      for (let x = Math.max(0, Math.floor(cx - radius)); x <= Math.min(width - 1, Math.ceil(cx + radius)); x++) {
        const away = Math.hypot(x + 0.5 - cx, y + 0.5 - cy);
        const cover = Math.min(1, Math.max(0, radius + 0.5 - away)) * alpha;
        if (cover <= 0) continue;
        const ring = border > 0 && away > radius - border;
        const at = 4 * (y * width + x);
        const under = (data[at + 3] / 255) * (1 - cover);
        for (let c = 0; c < 3; c++) {
          const over = ring ? this.ink[c] : this.colours[colour + c] * 255;
          data[at + c] = (over * cover + data[at + c] * under) / (cover + under);
        }
        data[at + 3] = 255 * (cover + under);
      }
    }
  }
}

function layerOf(look: number): number {
  if (look & (SELECTED | MARKED)) return 3;
  if (look & FAINT) return 0;
  return (look & 31) === NONE_COLOUR ? 1 : 2;
}
