/** What is seen of the map as an SVG: points, names and legend as vectors; very many points as a picture. Text is only ever a text node. */
import { FAINT, MARKED, SELECTED } from "./looks";
import type { View } from "./view";

/** Up to so many points in sight are circles. */
export const MOST_VECTORS = 20_000;
const NAMESPACE = "http://www.w3.org/2000/svg";
const LINE = 22;
const LONGEST = 48;

export interface SvgMap {
  view: View;
  xy: Uint16Array;
  looks: Uint8Array;
  /** The 32 of the looks, 0-1 triples. */
  colours: Float32Array;
  paper: string;
  ink: string;
  /** Diameter of a point, and its opacity where it is neither picked nor filtered out. */
  size: number;
  alpha: number;
  faded: number;
  /** The same view as a picture, in place of too many points. */
  raster(): string;
  names: { text: string; x: number; y: number }[];
  legend: { text: string; colour: string; on: boolean }[];
  title: string;
}

/** The file's text. */
export function svgOf(map: SvgMap): string {
  const { width, height } = map.view;
  const root = make("svg", { width, height, role: "img", "font-family": "system-ui, sans-serif", "font-size": 12, fill: map.ink });
  const title = make("title", {});
  title.textContent = clean(map.title);
  const paper = make("rect", { width, height, fill: map.paper });
  const seen = inSight(map.view, map.xy);
  const places = make("svg", { width, height, overflow: "hidden" });
  places.append(seen ? circles(map, seen) : make("image", { width, height, href: map.raster() }));
  const names = make("g", { "font-size": 13, "font-weight": 600, "text-anchor": "middle", "paint-order": "stroke", stroke: map.paper, "stroke-width": 3, "stroke-linejoin": "round" });
  for (const { text, x, y } of map.names) names.append(textAt(text, x, y + 4));
  root.append(title, paper, places, names);
  let y = legend(root, map, height + 12, width) + 14;
  if (!seen) {
    root.append(textAt(`Points drawn as a picture: more than ${MOST_VECTORS} are in sight.`, 12, y + 4));
    y += LINE;
  }
  for (const one of [root, paper]) one.setAttribute("height", String(y));
  root.setAttribute("viewBox", `0 0 ${width} ${y}`);
  return new XMLSerializer().serializeToString(root);
}

/** Positions in sight, or null where there are too many. */
export function inSight(view: View, xy: Uint16Array): number[] | null {
  const found: number[] = [];
  for (let i = 0; 2 * i < xy.length; i++) {
    const [px, py] = view.toPixel(xy[2 * i] / 65535, xy[2 * i + 1] / 65535);
    if (px < -9 || py < -9 || px > view.width + 9 || py > view.height + 9) continue;
    if (found.length === MOST_VECTORS) return null;
    found.push(i);
  }
  return found;
}

/** A group of circles for each look, from back to front: filtered out, without a class, with one, picked. */
function circles({ view, xy, looks, colours, ink, size, alpha, faded }: SvgMap, seen: number[]): Element {
  const groups = new Map<number, Element>();
  const some = seen.some((i) => looks[i] & (SELECTED | MARKED));
  for (const i of seen) {
    const look = looks[i], picked = (look & (SELECTED | MARKED)) !== 0;
    if (!groups.has(look)) {
      const opacity = picked ? 1 : look & FAINT ? faded : some ? alpha * 0.42 : alpha;
      const fill = `rgb(${[0, 1, 2].map((c) => Math.round(255 * colours[3 * (look & 31) + c])).join(" ")})`;
      groups.set(look, make("g", { fill, "fill-opacity": opacity.toFixed(2), ...(picked && { stroke: ink, "stroke-width": Math.max(1, size * 0.12).toFixed(1) }) }));
    }
    const [x, y] = view.toPixel(xy[2 * i] / 65535, xy[2 * i + 1] / 65535);
    groups.get(look)!.append(make("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: ((picked ? 1.25 : 1) * size / 2).toFixed(2) }));
  }
  const rank = (look: number) => (look & (SELECTED | MARKED) ? 3 : look & FAINT ? 0 : (look & 31) === 12 ? 1 : 2);
  const all = make("g", {});
  all.append(...[...groups].sort(([a], [b]) => rank(a) - rank(b)).map(([, group]) => group));
  return all;
}

function legend(root: Element, map: SvgMap, top: number, width: number): number {
  let x = 12, y = top;
  for (const { text, colour, on } of map.legend) {
    const short = text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
    const room = 30 + 7 * short.length;
    if (x > 12 && x + room > width - 12) {
      x = 12;
      y += LINE;
    }
    const entry = make("g", on ? {} : { opacity: 0.45 });
    entry.append(make("rect", { x, y: y - 5, width: 10, height: 10, rx: 2, fill: colour }), textAt(short, x + 15, y + 4));
    root.append(entry);
    x += room;
  }
  return map.legend.length ? y : top - 24;
}

function textAt(text: string, x: number, y: number): Element {
  const element = make("text", { x: x.toFixed(1), y: y.toFixed(1) });
  element.textContent = clean(text);
  return element;
}

/** Without the characters that no XML may hold. */
function clean(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "");
}

function make(tag: string, attributes: Record<string, string | number>): Element {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}
