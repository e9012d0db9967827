/** What draws the points: WebGL2, or a plain canvas where there is none. */
import type { Theme } from "../shared/theme";
import type { View } from "./view";

export interface Frame {
  /** Diameter of a point, CSS pixels. */
  size: number;
  /** Opacity of a point that is neither faint nor selected. */
  alpha: number;
  /** Draw every n-th point: while the map moves and there are very many. */
  stride: number;
  /** 0 ... 1 on the way from the former positions to the new. */
  progress: number;
  /** Whether something is selected or marked, so that the rest steps back. */
  emphasis: boolean;
  /** Device pixels a CSS pixel. */
  ratio: number;
}

export interface Renderer {
  readonly kind: "webgl" | "canvas";
  readonly canvas: HTMLCanvasElement;
  /** New positions; the former ones stay as where the transition begins. */
  setPositions(xy: Uint16Array): void;
  setLooks(looks: Uint8Array): void;
  setTheme(theme: Theme): void;
  draw(view: View, frame: Frame): void;
  destroy(): void;
}

/** The points recede behind each other in this order; shared by both renderers. */
export const FADED = 0.12;
export const STEPPED_BACK = 0.42;
