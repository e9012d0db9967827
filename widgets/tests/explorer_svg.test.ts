import { describe, expect, it } from "vitest";
import { colours, FAINT, SELECTED } from "../src/explorer/looks";
import { inSight, MOST_VECTORS, svgOf, type SvgMap } from "../src/explorer/svg";
import { View } from "../src/explorer/view";

const HOSTILE = "<script>alert(1)</script> & \u0007\"'";

function made(xy: Uint16Array, options: Partial<SvgMap> = {}): SvgMap {
  const view = new View();
  view.resize(400, 300);
  view.fit();
  const table = colours({ dark: false, background: [255, 255, 255], ink: [0, 0, 0], neutral: "#a9adb3" });
  return { view, xy, looks: new Uint8Array(xy.length / 2), colours: table, paper: "rgb(255 255 255)", ink: "rgb(0 0 0)", size: 4, alpha: 0.9, faded: 0.12,
    raster: () => "data:image/png;base64,AAAA", names: [], legend: [], title: "Map", ...options };
}

const read = (text: string) => new DOMParser().parseFromString(text, "image/svg+xml").documentElement;

describe("the map as an SVG", () => {
  it("draws every point in sight where it is, back to front, and nothing that is out of sight", () => {
    const map = made(Uint16Array.of(32768, 32768, 0, 0, 40000, 32768), { looks: Uint8Array.of(1 | SELECTED, 1, 0 | FAINT) });
    map.view.zoomAt(200, 150, 4);
    const root = read(svgOf(map));
    const circles = [...root.querySelectorAll("circle")];
    expect(circles.length).toBe(2);
    const [x, y] = map.view.toPixel(32768 / 65535, 32768 / 65535);
    expect(Number(circles[1].getAttribute("cx"))).toBeCloseTo(x, 0);
    expect(Number(circles[1].getAttribute("cy"))).toBeCloseTo(y, 0);
    expect(circles[0].parentElement!.getAttribute("fill-opacity")).toBe("0.12");
    expect(circles[1].parentElement!.getAttribute("fill")).toBe("rgb(242 128 30)");
    expect(circles[1].parentElement!.hasAttribute("stroke")).toBe(true);
  });

  it("keeps hostile text as text", () => {
    const text = svgOf(made(Uint16Array.of(1, 1), { title: HOSTILE, names: [{ text: HOSTILE, x: 10, y: 10 }], legend: [{ text: HOSTILE, colour: "rgb(1, 2, 3)", on: false }] }));
    const root = read(text);
    expect(root.querySelector("script")).toBeNull();
    expect(text).not.toContain("\u0007");
    expect([...root.querySelectorAll("text")].every((one) => one.textContent!.startsWith("<script>"))).toBe(true);
  });

  it("gives way to a picture where too many are in sight, and says so", () => {
    const many = new Uint16Array(2 * (MOST_VECTORS + 1)).fill(30_000);
    expect(inSight(made(many).view, many)).toBeNull();
    const root = read(svgOf(made(many)));
    expect(root.querySelectorAll("circle").length).toBe(0);
    expect(root.querySelectorAll("image").length).toBe(1);
    expect(root.textContent).toContain("more than 20000 are in sight");
  });
});
