/**
 * Where very many points share a pixel: a picture of how many there are, and of which colour, cell by cell.
 *
 * Counted here rather than added up by the graphics card: so the colour is the true majority and not a mixture that looks like a third
 * class, no float render target is needed, the plain canvas draws the same, and without a GPU it is several times faster than the points.
 */
import { FAINT, MARKED, NONE_COLOUR, RAMP_START, SELECTED } from "./looks";
import type { View } from "./view";

/** Side of a cell, CSS pixels. */
export const CELL = 2;
/** Maps of fewer points are always drawn as points. */
const FEWEST = 20_000;
/** Points that lie over one another, on an average point: below the first there is no density, above the second nothing else. */
const BEGINS = 5, TAKES_OVER = 14;
/** Opacity of a cell with the fewest points. */
export const LEAST = 0.2;
/** A point without a class counts so much less than one with, or few labels among many points could not be seen. */
export const NO_CLASS = 1 / 8;
/** Strength of what is filtered out, and of what is not picked while something is. */
const SURROUNDINGS = 0.22;
const SKIP = 255;
const BINS = 2048;

export interface DensityPicture {
  columns: number;
  rows: number;
  /** RGBA, premultiplied. */
  data: Uint8Array;
}

export interface Placed {
  start: Uint16Array | null;
  end: Uint16Array;
  /** 0 ... 1 from start to end. */
  progress: number;
}

/** How many points lie on an average point's square of one unit of the map: its own neighbourhood counts, not the empty paper. */
export function crowding(xy: Uint16Array): number {
  const n = xy.length >> 1;
  if (n < FEWEST) return 0;
  const side = 128;
  const cells = new Uint32Array(side * side);
  for (let i = 0; i < xy.length; i += 2) cells[(xy[i + 1] >> 9) * side + (xy[i] >> 9)]++;
  let squares = 0;
  for (const count of cells) squares += count * count;
  return (squares / n) * side * side;
}

/** 0 (points alone) ... 1 (density alone), where so many points lie over an average one. */
export function densityShare(over: number): number {
  const t = Math.min(1, Math.max(0, Math.log(over / BEGINS) / Math.log(TAKES_OVER / BEGINS)));
  return t * t * (3 - 2 * t);
}

/** Strength 0 ... 1 of counts: half their rank (so that each shade has its share of the cells), half their logarithm. 0 stays 0. */
export function toneCurve(counts: Uint32Array): (count: number) => number {
  const tally = new Uint32Array(BINS);
  let most = 0, filled = 0;
  for (const count of counts) {
    if (!count) continue;
    tally[binOf(count)]++;
    filled++;
    if (count > most) most = count;
  }
  const rank = new Float32Array(BINS);
  for (let bin = 0, below = 0; bin < BINS; below += tally[bin++]) rank[bin] = filled > 1 ? below / filled : 1;
  const top = rank[binOf(most)] || 1;
  const scale = Math.log1p(most) - Math.log(2) || 1;
  return (count) => count === 0 ? 0 : most === 1 ? 0.5 : (rank[binOf(count)] / top + (Math.log1p(count) - Math.log(2)) / scale) / 2;
}

/** Counts below 1024 apart, larger ones by their logarithm. */
function binOf(count: number): number {
  return count < 1024 ? count : Math.min(BINS - 1, 1024 + Math.floor((Math.log2(count) - 10) * 46));
}

/** Counts points into cells of the screen and colours them. The picture that `draw` gives holds until it is called again. */
export class Density {
  private tally = new Uint32Array(0);
  private totals = new Uint32Array(0);
  private data = new Uint8Array(0);
  private columns = 0;
  private rows = 0;

  /**
   * What the view shows. `colours` are the 32 of the looks, 0-1 triples. With `apart` what is picked (selected or marked) is in front and
   * all else its surroundings; without, what is filtered out is. With `leaveOut` the picked points are drawn elsewhere, and not here.
   */
  draw(at: Placed, looks: Uint8Array, view: View, colours: Float32Array, stride: number, apart: boolean, leaveOut: boolean): DensityPicture {
    this.columns = Math.ceil(view.width / CELL);
    this.rows = Math.ceil(view.height / CELL);
    const cells = this.columns * this.rows;
    if (this.totals.length !== cells) {
      this.totals = new Uint32Array(cells);
      this.data = new Uint8Array(4 * cells);
    } else this.data.fill(0);
    const present = new Uint8Array(256);
    for (let i = 0; i < looks.length; i++) present[looks[i]] = 1;
    for (const front of [false, true]) {
      const wanted = layerTable(present, front, apart, leaveOut);
      if (!wanted.colours.length) continue;
      this.count(at, looks, view, stride, wanted);
      this.paint(wanted.colours, colours, front ? 1 : SURROUNDINGS);
    }
    return { columns: this.columns, rows: this.rows, data: this.data };
  }

  private count({ start, end, progress }: Placed, looks: Uint8Array, view: View, stride: number, wanted: Layer): void {
    const { columns, rows } = this;
    const depth = wanted.colours.length;
    const size = columns * rows * depth;
    if (this.tally.length < size) this.tally = new Uint32Array(size);
    else this.tally.fill(0, 0, size);
    const [left, top] = view.toPixel(0, 0);
    const step = view.unit / 65535 / CELL, x0 = left / CELL, y0 = top / CELL;
    const { tally } = this, { column } = wanted;
    const moving = progress < 1 && start !== null && start.length === end.length ? start : null;
    for (let i = 0; i < looks.length; i += stride) {
      const k = column[looks[i]];
      if (k === SKIP) continue;
      let ux = end[2 * i], uy = end[2 * i + 1];
      if (moving) {
        ux = moving[2 * i] + (ux - moving[2 * i]) * progress;
        uy = moving[2 * i + 1] + (uy - moving[2 * i + 1]) * progress;
      }
      const x = x0 + ux * step, y = y0 - uy * step;
      if (x >= 0 && y >= 0 && x < columns && y < rows) tally[((y | 0) * columns + (x | 0)) * depth + k]++;
    }
  }

  /** Lays the counted layer over what is there. */
  private paint(used: number[], colours: Float32Array, strength: number): void {
    const { tally, totals, data } = this;
    const depth = used.length;
    for (let cell = 0, at = 0; cell < totals.length; cell++) {
      let sum = 0;
      for (let k = 0; k < depth; k++) sum += tally[at++];
      totals[cell] = sum;
    }
    const tone = toneCurve(totals);
    const mixed = new Float32Array(3);
    for (let cell = 0; cell < totals.length; cell++) {
      if (!totals[cell]) continue;
      cellColour(mixed, tally, cell * depth, used, colours);
      const alpha = strength * (LEAST + (1 - LEAST) * tone(totals[cell]));
      for (let c = 0; c < 3; c++) data[4 * cell + c] = Math.round(mixed[c] * alpha * 255 + data[4 * cell + c] * (1 - alpha));
      data[4 * cell + 3] = Math.round(alpha * 255 + data[4 * cell + 3] * (1 - alpha));
    }
  }
}

interface Layer {
  /** Colour of each column of the tally. */
  colours: number[];
  /** Column of each of the 256 looks; SKIP where the look is not of this layer. */
  column: Uint8Array;
}

function layerTable(present: Uint8Array, front: boolean, apart: boolean, leaveOut: boolean): Layer {
  const colours: number[] = [];
  const column = new Uint8Array(256).fill(SKIP);
  for (let look = 0; look < 256; look++) {
    const picked = (look & (SELECTED | MARKED)) !== 0;
    const inFront = picked || (!apart && !(look & FAINT));
    if (!present[look] || (picked && leaveOut) || inFront !== front) continue;
    const colour = look & 31;
    if (!colours.includes(colour)) colours.push(colour);
    column[look] = colours.indexOf(colour);
  }
  return { colours, column };
}

/**
 * The colour of a cell: of groups the most frequent, towards neutral where others share the cell; on a scale the mean. Points without a
 * class hold back: they colour the cell where there is nothing else.
 */
export function cellColour(out: Float32Array, tally: Uint32Array, at: number, used: number[], colours: Float32Array): void {
  let none = 0, known = 0, most = 0, best = -1, steps = 0;
  for (let k = 0; k < used.length; k++) {
    const n = tally[at + k];
    if (used[k] === NONE_COLOUR) {
      none = n;
      continue;
    }
    known += n;
    if (used[k] >= RAMP_START) steps += n * used[k];
    if (n > most) {
      most = n;
      best = used[k];
    }
  }
  if (best >= RAMP_START) {
    best = Math.round(steps / known);
    most = known;
  }
  mixture(out, best, best < 0 ? 0 : most / (known + none * NO_CLASS), colours);
}

/** A colour towards neutral, the more the smaller its share; -1 is neutral. */
export function mixture(out: Float32Array, best: number, share: number, colours: Float32Array): void {
  const own = best < 0 ? 0 : 0.3 + 0.7 * share;
  for (let c = 0; c < 3; c++) out[c] = (best < 0 ? 0 : own * colours[3 * best + c]) + (1 - own) * colours[3 * NONE_COLOUR + c];
}
