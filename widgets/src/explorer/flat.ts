/** Points on a plain canvas, pixel by pixel: slower and plainer than WebGL2, and there wherever a browser is. */
import type { Theme } from "../shared/theme";
import { colours, FAINT, MARKED, NONE_COLOUR, SELECTED } from "./looks";
import { FADED, STEPPED_BACK, type Frame, type Renderer } from "./renderer";
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
    const rest = frame.emphasis ? STEPPED_BACK : 1;
    // Back to front: what is filtered out, what has no class, what has one, what is marked or selected.
    for (const layer of [0, 1, 2, 3]) {
      for (let i = 0; i < this.looks.length; i += frame.stride) {
        const look = this.looks[i];
        if (layerOf(look) === layer) this.point(image, view, frame, i, look, layer === 0 ? FADED : layer === 3 ? 1 : frame.alpha * rest);
      }
    }
    this.context.putImageData(image, 0, 0);
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
    const diameter = picked ? frame.size * 1.25 + Math.min(2.5, frame.size * 0.5) : frame.size;
    const border = picked && diameter >= 5 ? Math.max(1.25, frame.size * 0.14) : 0;
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
