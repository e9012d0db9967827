/** Class names on the map: each at its densest place, the largest class first, none over another. */
import { fill, h } from "../shared/dom";
import { classColour } from "../shared/palette";
import type { Codes } from "./looks";
import type { Surface } from "./surface";

export interface Place { group: number; x: number; y: number; count: number }

const SIDE = 32;
/** Classes with so few points are placed by their points, larger ones by cells. */
const FEW = 150;
const NEAR = 0.12 * 65535;
/** The corners that the tools take. */
const TOOLS_WIDTH = 112, ZOOM_WIDTH = 146;
const TOOLS_HEIGHT = 48;

/** The densest place of every class with at least `least` points, largest class first; at most `most`. */
export function densestPlaces(xy: Uint16Array, codes: Codes, groups: number, least: number, most = 40): Place[] {
  const cells = SIDE * SIDE;
  const tally = new Uint32Array(groups * cells);
  const totals = new Uint32Array(groups);
  const { values } = codes;
  for (let i = 0; i < values.length; i++) {
    if (values[i] >= groups) continue;
    totals[values[i]]++;
    tally[values[i] * cells + (xy[2 * i + 1] >> 11) * SIDE + (xy[2 * i] >> 11)]++;
  }
  const largest = [...totals.keys()].filter((group) => totals[group] >= least).sort((a, b) => totals[b] - totals[a]).slice(0, most);
  const few = membersOf(values, new Set(largest.filter((group) => totals[group] <= FEW)));
  return largest.map((group) => {
    const members = few.get(group);
    if (members) return { group, count: totals[group], ...central(xy, members) };
    const own = tally.subarray(group * cells, (group + 1) * cells);
    return { group, count: totals[group], ...middle(own, densestCell(own)) };
  });
}

function membersOf(values: ArrayLike<number>, groups: Set<number>): Map<number, number[]> {
  const members = new Map<number, number[]>([...groups].map((group) => [group, []]));
  if (groups.size) for (let i = 0; i < values.length; i++) members.get(values[i])?.push(i);
  return members;
}

/** The member with the most others near it: the least sum of distances, each counted up to a limit so that far heaps do not pull. */
function central(xy: Uint16Array, members: number[]): { x: number; y: number } {
  let best = members[0], least = Infinity;
  for (const i of members) {
    let sum = 0;
    for (const j of members) sum += Math.min(NEAR, Math.hypot(xy[2 * i] - xy[2 * j], xy[2 * i + 1] - xy[2 * j + 1]));
    if (sum < least) {
      least = sum;
      best = i;
    }
  }
  return { x: xy[2 * best] / 65535, y: xy[2 * best + 1] / 65535 };
}

/** The cell with the most points in itself and its neighbours. */
function densestCell(tally: Uint32Array): number {
  let best = 0, most = -1;
  for (let cell = 0; cell < tally.length; cell++) {
    if (!tally[cell]) continue;
    let sum = tally[cell];
    around(cell, (near) => { sum += tally[near]; });
    if (sum > most) {
      most = sum;
      best = cell;
    }
  }
  return best;
}

/** The mean of a cell and its neighbours, weighted by their points. */
function middle(tally: Uint32Array, cell: number): { x: number; y: number } {
  let x = 0, y = 0, weight = 0;
  const add = (at: number) => {
    x += tally[at] * ((at % SIDE) + 0.5);
    y += tally[at] * (Math.floor(at / SIDE) + 0.5);
    weight += tally[at];
  };
  add(cell);
  around(cell, add);
  return { x: x / weight / SIDE, y: y / weight / SIDE };
}

function around(cell: number, visit: (near: number) => void): void {
  const row = Math.floor(cell / SIDE), column = cell % SIDE;
  for (let r = Math.max(0, row - 1); r <= Math.min(SIDE - 1, row + 1); r++) {
    for (let c = Math.max(0, column - 1); c <= Math.min(SIDE - 1, column + 1); c++) if (r * SIDE + c !== cell) visit(r * SIDE + c);
  }
}

/** Draws the names over a surface. */
export class NameLayer {
  readonly element = h("div", { class: "lnb-map-names", "aria-hidden": "true" });
  private tags: { place: Place; tag: HTMLElement; width: number; height: number }[] = [];

  private left: Set<number> | null = null;

  constructor(private readonly surface: Surface) {}

  /** `hue` says which colour of the palette a group has. */
  set(places: Place[], names: string[], hue = (group: number) => group): void {
    this.tags = places.map((place) => {
      const tag = h("span", { class: "lnb-map-name", dir: "auto" }, names[place.group] ?? "");
      tag.style.setProperty("--lnb-colour", classColour(hue(place.group)));
      return { place, tag, width: 0, height: 0 };
    });
    fill(this.element, ...this.tags.map(({ tag }) => tag));
    this.place();
  }

  /** The names that show, in pixels. */
  get shown(): { text: string; x: number; y: number }[] {
    return this.tags.filter(({ tag }) => tag.style.visibility !== "hidden").map(({ place, tag }) => {
      const [x, y] = this.surface.view.toPixel(place.x, place.y);
      return { text: tag.textContent ?? "", x, y };
    });
  }

  /** Names of groups that a filter leaves out go; null is no filter. */
  setShown(shown: Set<number> | null): void {
    this.left = shown;
    this.place();
  }

  /** Writes the names that show onto a picture; `ratio` is its pixels a CSS pixel. */
  paint(context: CanvasRenderingContext2D, ratio: number, ink: string): void {
    context.font = `600 ${12 * ratio}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineWidth = 3 * ratio;
    context.strokeStyle = this.surface.paper;
    for (const { text, x, y } of this.shown) {
      context.strokeText(text, x * ratio, y * ratio);
      context.fillStyle = ink;
      context.fillText(text, x * ratio, y * ratio);
    }
  }

  /** Puts every name where its place is now, and hides those that would lie over a larger class's. */
  place(): void {
    const { view } = this.surface;
    const taken: [number, number, number, number][] = [[0, 0, TOOLS_WIDTH, TOOLS_HEIGHT], [view.width - ZOOM_WIDTH, 0, view.width, TOOLS_HEIGHT]];
    for (const one of this.tags) {
      // Not known before the map stands on the page.
      one.width ||= one.tag.offsetWidth;
      one.height ||= one.tag.offsetHeight;
    }
    for (const { place, tag, width, height } of this.tags) {
      const [px, py] = view.toPixel(place.x, place.y);
      const left = px - width / 2, top = py - height / 2;
      const outside = (this.left !== null && !this.left.has(place.group)) || left < 0 || top < 0 || left + width > view.width || top + height > view.height;
      const covers = taken.some(([x0, y0, x1, y1]) => left < x1 && left + width > x0 && top < y1 && top + height > y0);
      tag.style.visibility = outside || covers ? "hidden" : "visible";
      if (outside || covers) continue;
      tag.style.transform = `translate(${left.toFixed(1)}px, ${top.toFixed(1)}px)`;
      taken.push([left - 3, top - 2, left + width + 3, top + height + 2]);
    }
  }
}
