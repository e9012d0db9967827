/** What stands in for a large map until its points have come: a coarse count that travels with the widget, as a picture. */
import { array } from "../shared/channel";
import { h } from "../shared/dom";
import { LEAST, mixture, NO_CLASS, toneCurve } from "./density";
import { NONE_COLOUR, RAMP_START } from "./looks";
import type { Box } from "./view";

/** Steps of a doubling, of a count in a byte; see labelnb/widgets/map_first.py. */
const LEVELS = 12;

export interface CoarseMap {
  side: number;
  box: Box;
  /** Four times side x side bytes, the lowest row first: counts, colours, shares of that colour, shares without a value. */
  cells: Uint8Array;
}

/** What Python sent along, where it is such a count. */
export function coarseOf(first: Record<string, any> | undefined): CoarseMap | null {
  if (!first?.cells) return null;
  const [left, bottom, right, top] = first.box as number[];
  return { side: first.side, box: { left, bottom, right, top }, cells: array(Uint8Array, first.cells) };
}

/** The count in the theme's colours, as the density is drawn. */
export function coarsePicture({ side, cells }: CoarseMap, colours: Float32Array): HTMLCanvasElement {
  const canvas = h("canvas", { class: "lnb-map-coarse", width: side, height: side, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  const size = side * side;
  const [crowd, colour, most, none] = [0, 1, 2, 3].map((k) => cells.subarray(k * size, (k + 1) * size));
  const counts = Uint32Array.from(crowd, (level) => Math.round(2 ** (level / LEVELS) - 1));
  const tone = toneCurve(counts);
  const image = context.createImageData(side, side);
  const mixed = new Float32Array(3);
  for (let cell = 0; cell < size; cell++) {
    if (!counts[cell]) continue;
    const known = 255 - none[cell];
    const best = known && colour[cell] !== NONE_COLOUR ? colour[cell] : -1;
    const share = (best >= RAMP_START ? known : most[cell]) / (known + none[cell] * NO_CLASS);
    mixture(mixed, best, best < 0 ? 0 : Math.min(1, share), colours);
    const at = 4 * ((side - 1 - Math.floor(cell / side)) * side + (cell % side));
    for (let c = 0; c < 3; c++) image.data[at + c] = Math.round(mixed[c] * 255);
    image.data[at + 3] = Math.round(255 * (LEAST + (1 - LEAST) * tone(counts[cell])));
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
