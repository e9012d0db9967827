/** The map with its tools: gestures become sets of points, what lies over the picture follows it. */
import { Bits } from "../shared/bits";
import { fill, focusedIn, h } from "../shared/dom";
import { icon, type IconName } from "../shared/icons";
import type { Panel } from "../shared/panel";
import { Gestures, type How, type Tool } from "./gestures";
import { HoverCard } from "./hover";
import { fillPolygon, pointsInside } from "./lasso";
import { NameLayer } from "./names";
import { Surface } from "./surface";
import { svgOf } from "./svg";

const TOOLS: [Tool, string, string][] = [["lasso", "Lasso", "l"], ["rectangle", "Rectangle", "r"], ["move", "Move", "m"]];

/** Results that are numbered on the map. */
const RANKED = 9;

export class PointMap {
  readonly area: HTMLElement;
  readonly surface: Surface;
  readonly names: NameLayer;
  /** Told after every drawing whether it is mostly density. */
  onDensity: (dense: boolean) => void = () => {};
  /** The button that saves the picture was pressed, for an SVG with shift. */
  onSave: (svg: boolean) => void = () => {};
  private readonly gestures: Gestures;
  private readonly hover: HoverCard;
  private readonly outline = document.createElementNS("http://www.w3.org/2000/svg", "polygon");
  private readonly ring = h("div", { class: "lnb-map-focus", hidden: true });
  private readonly note = h("div", { class: "lnb-map-note", hidden: true });
  private readonly buttons = new Map<Tool, HTMLButtonElement>();
  private readonly ranks = h("div", { class: "lnb-map-ranks" });
  private ranked: number[] = [];
  private focused = -1;
  private noteTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly panel: Panel, private readonly onSelect: (found: Bits, how: How) => void, plain: boolean) {
    this.surface = new Surface(panel.theme, plain);
    this.surface.renderer.setTheme(panel.theme);
    this.names = new NameLayer(this.surface);
    this.hover = new HoverCard(panel);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "lnb-map-outline");
    svg.append(this.outline);
    const over = h("div", { class: "lnb-map-over", "aria-hidden": "true" }, svg, this.ranks, this.ring);
    this.area = h("div", { class: "lnb-map-area", tabindex: 0, role: "application", "aria-roledescription": "map of items",
      "aria-label": "Map. Arrow keys move it, plus and minus zoom, v selects what is in view." },
      this.surface.element, this.names.element, over, this.tools(), this.note, this.hover.element);
    this.gestures = new Gestures(this.surface.element, {
      onShape: (points, how) => this.shape(points, how),
      onClick: (x, y, how) => this.click(x, y, how),
      onHover: (x, y) => this.hovered(x, y),
      onLeave: () => this.hovered(-1, -1),
      onPan: (dx, dy) => this.surface.pan(dx, dy),
      onZoom: (x, y, factor) => { this.hover.hide(); this.surface.zoom(x, y, factor); },
      onOutline: (points) => this.outline.setAttribute("points", points.map((value) => value.toFixed(1)).join(" ")),
      wheelZooms: (event) => this.wheelZooms(event),
    });
    this.surface.onDrawn = () => this.follow();
    this.surface.onTrouble = (text) => this.say(text, 0);
    this.setTool("lasso");
    panel.onTheme((theme) => this.surface.setTheme(theme));
    panel.onCleanup(() => { clearTimeout(this.noteTimer); this.hover.hide(); this.surface.destroy(); });
  }

  setTool(tool: Tool): void {
    this.gestures.tool = tool;
    this.surface.element.dataset.tool = tool;
    for (const [name, button] of this.buttons) button.setAttribute("aria-pressed", String(name === tool));
  }

  /** Gives up what is being drawn; whether there was something. */
  abandon(): boolean {
    return this.gestures.abandon();
  }

  zoomBy(factor: number): void {
    this.surface.zoom(this.surface.view.width / 2, this.surface.view.height / 2, factor);
  }

  /** Selects what is in sight, for those who use no mouse. */
  selectView(how: How): void {
    const { width, height } = this.surface.view;
    this.shape([0, 0, width, 0, width, height, 0, height], how);
  }

  /** A ring around one point, moved into sight; -1 takes it away. */
  focus(position: number): void {
    this.focused = position;
    if (position >= 0) {
      const [x, y] = this.surface.placeOf(position);
      const { width, height } = this.surface.view;
      if (x < 20 || y < 20 || x > width - 20 || y > height - 20) {
        this.surface.view.centreOn(this.surface.xy[2 * position] / 65535, this.surface.xy[2 * position + 1] / 65535);
        this.surface.redraw();
      }
    }
    this.follow();
  }

  /** Numbers the best results on the map; null takes the numbers away. */
  rank(found: ArrayLike<number> | null): void {
    this.ranked = found ? Array.from(found).slice(0, RANKED) : [];
    fill(this.ranks, ...this.ranked.map((_, k) => h("span", {}, String(k + 1))));
    this.follow();
  }

  /** What is seen, as a PNG, the names on it included. */
  async picture(): Promise<Blob | null> {
    const canvas = this.surface.snapshot();
    const context = canvas.getContext("2d");
    if (context) this.names.paint(context, canvas.width / this.surface.view.width, getComputedStyle(this.area).color);
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  }

  /** What is seen, as the text of an SVG. */
  drawing(title: string, legend: { text: string; colour: string; on: boolean }[]): string {
    const { surface } = this;
    const { view, xy, looks, paper } = surface;
    const ink = getComputedStyle(this.area).color;
    return svgOf({ view, xy, looks, paper, ink, ...surface.style, raster: () => surface.snapshot().toDataURL("image/png"), names: this.names.shown, legend, title });
  }

  /** Reads anew what the hover card says. */
  refreshHover(): void {
    this.hover.refresh();
  }

  /** A line at the foot of the map; goes after `milliseconds`, or stays for 0. */
  say(text: string, milliseconds: number): void {
    clearTimeout(this.noteTimer);
    this.note.textContent = text;
    this.note.hidden = !text;
    if (text && milliseconds) this.noteTimer = setTimeout(() => { this.note.hidden = true; }, milliseconds);
  }

  private tools(): HTMLElement {
    const button = (name: IconName, label: string, key: string, action: (event: Event) => void) =>
      h("button", { class: "lnb-button", type: "button", title: `${label} (${key})`, "aria-label": label, "aria-keyshortcuts": key, onclick: action }, icon(name));
    const tools = h("div", { class: "lnb-group", role: "group", "aria-label": "Tool" });
    for (const [tool, label, key] of TOOLS) {
      const made = button(tool, label, key, () => this.setTool(tool));
      this.buttons.set(tool, made);
      tools.append(made);
    }
    const zoom = h("div", { class: "lnb-group", role: "group", "aria-label": "Zoom and save" });
    fill(zoom, button("minus", "Zoom out", "-", () => this.zoomBy(1 / 1.6)), button("fit", "Show all", "f", () => this.surface.fit()), button("plus", "Zoom in", "+", () => this.zoomBy(1.6)),
      button("save", "Save as PNG; with shift as SVG", "p", (event) => this.onSave((event as MouseEvent).shiftKey)));
    return h("div", { class: "lnb-map-tools" }, tools, zoom);
  }

  private shape(points: number[], how: How): void {
    const { view, xy } = this.surface;
    const mask = fillPolygon(points, Math.ceil(view.width), Math.ceil(view.height));
    if (mask) this.onSelect(pointsInside(xy, view, mask, this.surface.filtered ? this.surface.isShown : null), how);
  }

  private click(x: number, y: number, how: How): void {
    this.area.focus({ preventScroll: true });
    const position = this.surface.pointAt(x, y);
    if (position < 0 && how !== "set") return;
    this.onSelect(Bits.of(this.surface.n, position < 0 ? [] : [position]), how);
  }

  private hovered(x: number, y: number): void {
    const position = x < 0 ? -1 : this.surface.pointAt(x, y);
    this.surface.element.toggleAttribute("data-over", position >= 0);
    this.hover.show(position, x, y, this.surface.view.width, this.surface.view.height);
  }

  /** The wheel belongs to the notebook until the widget has the focus, so that scrolling past never zooms. */
  private wheelZooms(event: WheelEvent): boolean {
    if (event.ctrlKey || event.metaKey || this.panel.frame.contains(focusedIn(this.panel.frame))) return true;
    this.say("Click the map to zoom with the wheel", 1_500);
    return false;
  }

  private follow(): void {
    this.onDensity(this.surface.densityShare > 0.5);
    this.names.place();
    this.ranked.forEach((position, k) => {
      const [x, y] = this.surface.placeOf(position);
      (this.ranks.children[k] as HTMLElement).style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
    });
    this.ring.hidden = this.focused < 0;
    if (this.focused < 0) return;
    const [x, y] = this.surface.placeOf(this.focused);
    this.ring.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
  }
}
