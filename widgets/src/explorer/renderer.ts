/** What draws the points: WebGL2, or a plain canvas where there is none. */
import type { Theme } from "../shared/theme";
import type { DensityPicture } from "./density";
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
  /** How far the other points step back where something is selected or marked: 1 not at all. */
  rest: number;
  /** Opacity of what is filtered out. */
  faded: number;
  /** 0 ... 1, how far picked points stand out by size and ring: less where there are many, or their rings would be all there is to see. */
  outline: number;
  /** Strength of all points that are not picked: less where density takes over. */
  points: number;
  /** Device pixels a CSS pixel. */
  ratio: number;
  /** What lies under the points where there are too many to tell apart; null where there are not. */
  density: DensityUnder | null;
}

export interface DensityUnder {
  picture: DensityPicture;
  /** Whether the picture is another one than at the last drawing. */
  fresh: boolean;
  /** 0 ... 1. At 1 only the points in `picked` are drawn. */
  share: number;
  /** Positions drawn as points even there. */
  picked: Uint32Array;
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
