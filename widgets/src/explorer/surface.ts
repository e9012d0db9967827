/** The drawn map: canvas, renderer, what is seen of it, and when it is drawn. Gestures and choices are others' business. */
import type { Bits } from "../shared/bits";
import { h } from "../shared/dom";
import type { Theme } from "../shared/theme";
import { coarsePicture, type CoarseMap } from "./coarse";
import { crowding, Density, densityShare, type DensityPicture } from "./density";
import { FlatRenderer } from "./flat";
import { GlRenderer } from "./gl";
import { colours, FAINT, writeLooks, type Codes } from "./looks";
import { Cells } from "./nearest";
import { FADED, STEPPED_BACK, type DensityUnder, type Renderer } from "./renderer";
import { boxOf, View } from "./view";

const TRANSITION = 700;
/** Points drawn while the map moves. */
const IN_MOTION = 150_000;
/** Points counted for the density while the map moves, and for its first picture. */
const COUNTED_IN_MOTION = 300_000;
/** Up to so many picked points are drawn as points over the density; more are a density themselves. */
const MOST_PICKED = 20_000;
const NO_POINTS = new Uint32Array(0);
const STRIDES = [1, 2, 3, 5, 7, 11, 13, 17, 23, 29, 37, 47, 59];
/** From here on, what can wait waits until the browser is idle. */
const MANY = 200_000;
const GIVE_UP_ON_CONTEXT = 3_000;

export class Surface {
  readonly element = h("div", { class: "lnb-map-surface" });
  readonly view = new View();
  xy: Uint16Array = new Uint16Array(0);
  looks: Uint8Array = new Uint8Array(0);
  renderer!: Renderer;
  /** Called after every drawing, to place what lies over the map. */
  onDrawn: () => void = () => {};
  /** Called with a sentence when the picture is lost, and "" when it is back. */
  onTrouble: (text: string) => void = () => {};
  /** How much of the picture is density, 0 ... 1; the rest is points. */
  densityShare = 0;
  private readonly density = new Density();
  private drawnDensity: { picture: DensityPicture; of: string } | null = null;
  private crowd = 0;
  private former: Uint16Array | null = null;
  private revision = 0;
  private picked: Uint32Array | null = NO_POINTS;
  private firstDrawn = false;
  private theme: Theme;
  private codes: Codes | null = null;
  private shown: ((group: number) => boolean) | null = null;
  private selected: Bits | null = null;
  private marked: Bits | null = null;
  private emphasis = false;
  private looksStale = false;
  private pending = 0;
  private settle: ReturnType<typeof setTimeout> | undefined;
  private lostTimer: ReturnType<typeof setTimeout> | undefined;
  private inMotion = false;
  private began = -Infinity;
  private cells: Cells | null = null;
  private sorting = false;
  private readonly observer: ResizeObserver;
  private destroyed = false;
  private coarse: CoarseMap | null = null;
  private coarseDrawn: HTMLCanvasElement | null = null;

  constructor(theme: Theme, private readonly plain = false) {
    this.theme = theme;
    this.makeRenderer(plain);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.element);
  }

  get n(): number {
    return this.xy.length >> 1;
  }

  /** Shows a coarse count of the points until they come. */
  standIn(coarse: CoarseMap): void {
    this.coarse = coarse;
    this.view.fit(coarse.box);
    this.drawCoarse();
  }

  /** Shows points at these places; points that were there move to the new ones. */
  setPositions(xy: Uint16Array): void {
    const moves = this.xy.length === xy.length && this.n > 0;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.former = moves ? this.xy : null;
    this.xy = xy;
    this.crowd = crowding(xy);
    this.cells = null;
    if (this.looks.length !== this.n) this.looks = new Uint8Array(this.n);
    this.renderer.setPositions(xy);
    if (!this.coarse) this.view.fit(boxOf(xy));      // else it is where a person has moved it already
    this.began = moves && !still ? performance.now() : -Infinity;
    this.looksStale = true;
    this.redraw();
  }

  setCodes(codes: Codes): void {
    this.codes = codes;
    this.restyle();
  }

  setShown(shown: ((group: number) => boolean) | null): void {
    this.shown = shown;
    this.restyle();
  }

  setPicked(selected: Bits | null, marked: Bits | null): void {
    this.selected = selected;
    this.marked = marked;
    this.emphasis = Boolean(selected || marked);
    this.picked = pickedPoints(selected, marked);
    this.restyle();
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.revision++;
    this.renderer.setTheme(theme);
    this.drawCoarse();
    this.redraw();
  }

  /** Whether a point is not filtered out. */
  isShown = (position: number): boolean => (this.looks[position] & FAINT) === 0;

  get filtered(): boolean {
    return this.shown !== null;
  }

  /** The point under a pixel, or -1. */
  pointAt(px: number, py: number): number {
    this.flushLooks();
    if (!this.cells) {
      if (this.n > MANY) {
        this.sortWhenIdle();
        return -1;
      }
      this.cells = new Cells(this.xy);
    }
    const [x, y] = this.view.toMap(px, py);
    return this.cells.nearest(x, y, (this.pointSize() / 2 + 5) / this.view.unit, this.isShown);
  }

  /** Where a point is drawn, in pixels. */
  placeOf(position: number): [number, number] {
    return this.view.toPixel(this.xy[2 * position] / 65535, this.xy[2 * position + 1] / 65535);
  }

  zoom(x: number, y: number, factor: number): void {
    this.view.zoomAt(x, y, factor);
    this.moved();
  }

  pan(dx: number, dy: number): void {
    this.view.pan(dx, dy);
    this.moved();
  }

  fit(): void {
    this.view.fit();
    this.moved();
  }

  /** The colour behind the points. */
  get paper(): string {
    return `rgb(${this.theme.background.map(Math.round).join(" ")})`;
  }

  /** A copy of what is seen, on the colour behind it. Drawn at once: a WebGL picture is gone after its frame. */
  snapshot(): HTMLCanvasElement {
    this.draw();
    const source = this.renderer.canvas;
    const copy = h("canvas", { width: source.width, height: source.height });
    const context = copy.getContext("2d");
    if (context) {
      context.fillStyle = this.paper;
      context.fillRect(0, 0, copy.width, copy.height);
      context.drawImage(source, 0, 0);
    }
    return copy;
  }

  /** How the points look now, for a drawing of them elsewhere. */
  get style(): { colours: Float32Array; size: number; alpha: number; faded: number } {
    this.flushLooks();
    const size = this.pointSize();
    return { colours: colours(this.theme), size, alpha: this.alpha(size), faded: FADED };
  }

  redraw(): void {
    if (!this.pending && !this.destroyed) this.pending = requestAnimationFrame(() => { this.pending = 0; this.draw(); });
  }

  /** Diameter of a point in CSS pixels: the more there are the smaller, the farther in the larger. */
  pointSize(): number {
    const room = Math.sqrt((this.view.width * this.view.height) / Math.max(1, this.n));
    const base = Math.min(10, Math.max(1.8, room * 0.5));
    return Math.min(18, base * Math.max(1, this.view.zoom) ** 0.42);
  }

  destroy(): void {
    this.destroyed = true;
    this.observer.disconnect();
    cancelAnimationFrame(this.pending);
    clearTimeout(this.settle);
    clearTimeout(this.lostTimer);
    this.renderer.destroy();
  }

  private makeRenderer(plain: boolean): void {
    const canvas = () => h("canvas", { class: "lnb-map-canvas", "aria-hidden": "true" });
    try {
      if (plain) throw new Error("the plain canvas was asked for");
      this.renderer = new GlRenderer(canvas());
    } catch {
      this.renderer = new FlatRenderer(canvas());
    }
    this.renderer.canvas.addEventListener("webglcontextlost", (event) => this.lost(event));
    this.renderer.canvas.addEventListener("webglcontextrestored", () => this.restored());
    this.element.replaceChildren(this.renderer.canvas);
    this.element.dataset.renderer = this.renderer.kind;
    this.drawnDensity = null;
  }

  private drawCoarse(): void {
    this.coarseDrawn?.remove();
    this.coarseDrawn = this.coarse && coarsePicture(this.coarse, colours(this.theme));
    if (this.coarseDrawn) this.element.append(this.coarseDrawn);
    this.placeCoarse();
  }

  /** Keeps the count where its points would be; it goes once they are drawn. */
  private placeCoarse(): void {
    if (!this.coarseDrawn) return;
    if (this.n) {
      this.coarse = null;
      this.coarseDrawn.remove();
      this.coarseDrawn = null;
      return;
    }
    const [left, top] = this.view.toPixel(0, 1);
    const size = `${this.view.unit}px`;
    Object.assign(this.coarseDrawn.style, { left: `${left}px`, top: `${top}px`, width: size, height: size });
  }

  private lost(event: Event): void {
    if (this.destroyed) return;
    event.preventDefault();
    this.onTrouble("The browser took the map's graphics away; drawing it again.");
    this.lostTimer = setTimeout(() => this.rebuild(true), GIVE_UP_ON_CONTEXT);
  }

  private restored(): void {
    clearTimeout(this.lostTimer);
    if (!this.destroyed) this.rebuild(this.plain);
  }

  private rebuild(plain: boolean): void {
    this.makeRenderer(plain);
    this.renderer.setTheme(this.theme);
    if (this.n) this.renderer.setPositions(this.xy);
    this.looksStale = true;
    this.resize();
    this.onTrouble("");
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.element;
    if (!clientWidth || !clientHeight || this.destroyed) return;
    const ratio = this.ratio();
    const canvas = this.renderer.canvas;
    canvas.width = Math.round(clientWidth * ratio);
    canvas.height = Math.round(clientHeight * ratio);
    this.view.resize(clientWidth, clientHeight);
    this.draw();
  }

  private ratio(): number {
    return this.renderer.kind === "canvas" ? 1 : Math.min(2, window.devicePixelRatio || 1);
  }

  private restyle(): void {
    this.looksStale = true;
    this.redraw();
  }

  private moved(): void {
    this.inMotion = true;
    clearTimeout(this.settle);
    this.settle = setTimeout(() => { this.inMotion = false; this.redraw(); }, this.n > MANY ? 260 : 140);
    this.redraw();
  }

  /** Sorts the points for hovering and clicking when nothing else is to do. */
  private sortWhenIdle(): void {
    if (this.sorting) return;
    this.sorting = true;
    const sort = () => {
      this.sorting = false;
      if (!this.destroyed) this.cells = new Cells(this.xy);
    };
    if (window.requestIdleCallback) window.requestIdleCallback(sort, { timeout: 2_000 });
    else setTimeout(sort, 200);
  }

  private flushLooks(): void {
    if (!this.looksStale || !this.codes || this.codes.values.length !== this.n) return;
    writeLooks(this.looks, this.codes, this.shown, this.selected, this.marked);
    this.renderer.setLooks(this.looks);
    this.revision++;
    this.looksStale = false;
  }

  private draw(): void {
    if (this.destroyed || this.view.width < 2) return;
    if (!this.n) return this.placeCoarse();
    this.flushLooks();
    const progress = Math.min(1, (performance.now() - this.began) / TRANSITION);
    const eased = progress < 1 ? progress * progress * (3 - 2 * progress) : 1;
    const limit = this.renderer.kind === "canvas" ? IN_MOTION / 10 : IN_MOTION;
    const wanted = this.inMotion || progress < 1 ? this.n / limit : 1;
    const stride = STRIDES.find((step) => step >= wanted) ?? STRIDES[STRIDES.length - 1];
    const size = this.pointSize();
    // Faint points that lie over one another would be strong together.
    const over = this.crowd * (size / this.view.unit) ** 2, thinner = Math.max(1, over / 2);
    const density = this.codes ? this.densityUnder(densityShare(over), eased) : null;
    this.renderer.draw(this.view, {
      size, alpha: this.alpha(size), stride, progress: eased, ratio: this.ratio(), density,
      rest: this.emphasis ? STEPPED_BACK / thinner : 1, faded: FADED / thinner, points: (1 - this.densityShare) ** 2, outline: this.outline(),
    });
    this.placeCoarse();
    this.element.toggleAttribute("data-density", this.densityShare > 0.5);
    this.element.toggleAttribute("data-moving", this.inMotion || progress < 1);
    this.onDrawn();
    if (progress >= 1) this.former = null;
    if (progress < 1) this.redraw();
    else if (this.n > MANY && !this.cells && !this.inMotion) this.sortWhenIdle();
  }

  /** What lies under the points, counted anew where the picture that is there is of something else. */
  private densityUnder(share: number, progress: number): DensityUnder | null {
    this.densityShare = share;
    if (!share) return null;
    const quick = this.inMotion || progress < 1 || !this.firstDrawn;
    const stride = quick ? STRIDES.find((step) => step >= this.n / COUNTED_IN_MOTION) ?? 59 : 1;
    const { view } = this;
    const of = [...view.centre, view.unit, view.width, view.height, progress, stride, this.revision].join(" ");
    const fresh = this.drawnDensity?.of !== of;
    if (fresh) {
      const placed = { start: this.former, end: this.xy, progress };
      const leaveOut = this.picked !== null && share >= 1;
      this.drawnDensity = { of, picture: this.density.draw(placed, this.looks, view, colours(this.theme), stride, this.emphasis, leaveOut) };
    }
    if (!this.firstDrawn && stride > 1) requestAnimationFrame(() => this.redraw());
    this.firstDrawn = true;
    return { picture: this.drawnDensity!.picture, fresh, share, picked: this.picked ?? NO_POINTS };
  }

  private outline(): number {
    const picked = this.picked?.length ?? Infinity;
    return Math.min(1, Math.max(0, 1 - Math.log(picked / 150) / Math.log(20)));
  }

  /** Where points crowd, each lets the others through. */
  private alpha(size: number): number {
    const cover = (this.n * size * size) / (this.view.width * this.view.height * Math.max(1, this.view.zoom) ** 2);
    return Math.min(0.92, Math.max(0.4, 1.1 / (1 + 0.35 * cover)));
  }
}

/** Positions of what is selected or marked; null where there are too many to draw one by one. */
function pickedPoints(selected: Bits | null, marked: Bits | null): Uint32Array | null {
  const sets = [selected, marked].filter((set) => set !== null);
  if (sets.some((set) => set.count() > MOST_PICKED)) return null;
  return sets.length === 1 ? sets[0].positions() : Uint32Array.from(new Set(sets.flatMap((set) => [...set.positions()])));
}
