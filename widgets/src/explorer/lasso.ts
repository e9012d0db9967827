/** Which points lie inside a drawn shape: the shape is filled once into a mask of pixels, then each point costs one look-up. */
import { Bits } from "../shared/bits";
import type { View } from "./view";

export interface Mask { left: number; top: number; width: number; height: number; inside: Uint8Array }

/** The polygon (x, y, x, y, ... in pixels) filled by scan lines, even-odd, cut to width x height. */
export function fillPolygon(points: ArrayLike<number>, width: number, height: number): Mask | null {
  let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
  for (let i = 0; i < points.length; i += 2) {
    left = Math.min(left, points[i]);
    right = Math.max(right, points[i]);
    top = Math.min(top, points[i + 1]);
    bottom = Math.max(bottom, points[i + 1]);
  }
  left = Math.max(0, Math.floor(left));
  top = Math.max(0, Math.floor(top));
  right = Math.min(width, Math.ceil(right) + 1);
  bottom = Math.min(height, Math.ceil(bottom) + 1);
  if (points.length < 6 || right <= left || bottom <= top) return null;
  const mask = { left, top, width: right - left, height: bottom - top, inside: new Uint8Array((right - left) * (bottom - top)) };
  for (let row = 0; row < mask.height; row++) fillRow(mask, row, crossings(points, top + row + 0.5));
  return mask;
}

/** Where the edges of the polygon cross the line at y, ascending. */
function crossings(points: ArrayLike<number>, y: number): number[] {
  const found: number[] = [];
  const n = points.length;
  for (let i = 0; i < n; i += 2) {
    const j = (i + 2) % n;
    const y0 = points[i + 1], y1 = points[j + 1];
    if (y0 <= y !== y1 <= y) found.push(points[i] + ((y - y0) / (y1 - y0)) * (points[j] - points[i]));
  }
  return found.sort((a, b) => a - b);
}

function fillRow(mask: Mask, row: number, crossed: number[]): void {
  for (let k = 0; k + 1 < crossed.length; k += 2) {
    const from = Math.max(0, Math.ceil(crossed[k] - mask.left - 0.5));
    const to = Math.min(mask.width, Math.ceil(crossed[k + 1] - mask.left - 0.5));
    if (to > from) mask.inside.fill(1, row * mask.width + from, row * mask.width + to);
  }
}

/** The points whose pixel is inside the mask and that `allowed` lets through (all where it is null). */
export function pointsInside(xy: Uint16Array, view: View, mask: Mask, allowed: ((position: number) => boolean) | null): Bits {
  const n = xy.length >> 1;
  const bits = new Bits(n);
  const [x0, y0] = view.toPixel(0, 0);
  const step = view.unit / 65535;
  const { left, top, width, height, inside } = mask;
  const fromX = x0 - left, fromY = y0 - top;
  const bytes = bits.bytes;
  for (let i = 0; i < n; i++) {
    const px = Math.floor(fromX + xy[2 * i] * step);
    if (px < 0 || px >= width) continue;
    const py = Math.floor(fromY - xy[2 * i + 1] * step);
    if (py < 0 || py >= height) continue;
    if (inside[py * width + px] && (allowed === null || allowed(i))) bytes[i >> 3] |= 1 << (i & 7);
  }
  return bits;
}

/** The rectangle between two corners as a polygon. */
export function rectangle(x0: number, y0: number, x1: number, y1: number): number[] {
  return [x0, y0, x1, y0, x1, y1, x0, y1];
}
