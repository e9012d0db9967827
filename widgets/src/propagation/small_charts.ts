/** Small multiples: one little chart a hyperparameter, all to the same scale, readable as a table by those who do not see them. */
import { h, percent } from "../shared/dom";

export interface Chart {
  name: string;
  x: number[];
  /** The value that was used. */
  used: number | null;
  series: Record<string, (number | null)[]>;
}

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, PAD] = [180, 84, 8];

/** Where the points of a series lie: evenly spaced values from left to right, 0 to 1 from the bottom to the top. */
export function points(values: readonly (number | null)[]): ([number, number] | null)[] {
  const step = values.length > 1 ? (WIDTH - 2 * PAD) / (values.length - 1) : 0;
  return values.map((value, i) => (value === null ? null : [PAD + i * step, HEIGHT - PAD - value * (HEIGHT - 2 * PAD)]));
}

export function sparkline(chart: Chart): HTMLElement {
  const svg = document.createElementNS(SVG, "svg");
  const rows = chart.x.map((x, i) => `${chart.name} ${x}: ${Object.entries(chart.series).map(([name, values]) => `${name} ${values[i] === null ? "unknown" : percent(values[i]!)}`).join(", ")}`);
  for (const [name, value] of Object.entries({ viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": rows.join("; "), class: "lnb-spark" })) svg.setAttribute(name, value);
  const draw = (kind: string, attributes: Record<string, string | number>) => {
    const element = document.createElementNS(SVG, kind);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
    svg.append(element);
  };
  for (const level of [0, 1]) draw("line", { x1: PAD, x2: WIDTH - PAD, y1: HEIGHT - PAD - level * (HEIGHT - 2 * PAD), y2: HEIGHT - PAD - level * (HEIGHT - 2 * PAD), class: "lnb-spark-grid" });
  const at = chart.used === null ? -1 : chart.x.findIndex((x) => Math.abs(x - chart.used!) < 1e-9);
  Object.values(chart.series).forEach((values, which) => {
    const placed = points(values);
    draw("polyline", { points: placed.filter((one) => one !== null).map((one) => one!.map((part) => part.toFixed(1)).join(",")).join(" "), class: "lnb-spark-line", "data-which": which });
    placed.forEach((one, i) => { if (one) draw("circle", { cx: one[0].toFixed(1), cy: one[1].toFixed(1), r: i === at ? 4 : 2, class: "lnb-spark-dot", "data-which": which }); });
  });
  const names = Object.keys(chart.series).map((name, which) => h("span", { class: "lnb-spark-name", "data-which": which }, name));
  const figure = h("figure", { class: "lnb-spark-figure" }, h("figcaption", {}, h("strong", {}, chart.name), ` ${chart.x[0]} … ${chart.x[chart.x.length - 1]}${chart.used === null ? "" : `, used ${chart.used}`}`));
  figure.append(svg, h("div", { class: "lnb-spark-names" }, ...names));
  return figure;
}
