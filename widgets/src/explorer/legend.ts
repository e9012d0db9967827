/** The legend: what the colours mean, how many there are, and which of them show. */
import { fill, focusedIn, h, number } from "../shared/dom";
import { classColour, RAMP } from "../shared/palette";
import { swatch } from "../shared/classes";
import type { ColourBy } from "./looks";

export interface Entry {
  group: number;
  name: string;
  count: number;
  /** Place in the palette; the group's own where it is not said. */
  hue?: number;
}

/** Of numbered groups so many, the largest, are named; all classes are. */
export const MOST_NUMBERED = 60;

export class Legend {
  readonly element = h("div", { class: "lnb-map-legend", role: "group", "aria-label": "Legend and filter" });
  private chosen: Set<number> | null = null;
  private entries: Entry[] = [];
  private by: ColourBy = "label";
  private ramp = false;
  private dense = false;
  private unnamed = 0;
  private readonly density = h("span", { class: "lnb-map-dense", title: "Strong colour where most points lie; the colour is that of most of them. Zoom in for single points." },
    h("span", { class: "lnb-map-dense-scale", "aria-hidden": "true" }), "few to many points a pixel; zoom in for single points");

  constructor(private readonly onChange: (shown: Set<number> | null) => void) {}

  /** Draws the entries; of the groups the `most` largest. */
  update(by: ColourBy, entries: Entry[], ramp = false, most = Infinity): void {
    this.ramp = ramp;
    this.by = by;
    const largest = entries.filter(({ group }) => group >= 0).sort((a, b) => b.count - a.count).slice(0, most === Infinity ? undefined : most);
    const named = new Set(largest.map(({ group }) => group));
    this.entries = entries.filter(({ group }) => group < 0 || named.has(group));
    this.unnamed = entries.length - this.entries.length;
    this.draw();
  }

  /** Filters to these groups (null: all) without word to the listener. */
  set(chosen: Set<number> | null): void {
    this.chosen = chosen;
    this.draw();
  }

  /** Says that shades stand for how many points there are. */
  setDensity(dense: boolean): void {
    if (dense === this.dense) return;
    this.dense = dense;
    this.draw();
  }

  /** The entries in words and colours, for a picture. */
  get lines(): { text: string; colour: string; on: boolean }[] {
    return this.entries.map(({ group, name, count }) => ({
      text: `${name}  ${number(count)}`, on: this.isOn(group),
      colour: getComputedStyle(this.element.querySelector(`[data-group="${group}"] .lnb-swatch`) ?? this.element).backgroundColor,
    }));
  }

  private isOn(group: number): boolean {
    return this.chosen === null || this.chosen.has(group);
  }

  private draw(): void {
    const focused = this.element.contains(focusedIn(this.element)) ? focusedIn(this.element)!.dataset.group : undefined;
    const heading = h("span", { class: "lnb-caps" }, this.by);
    this.density.style.setProperty("--lnb-colour", this.commonest());
    const all = this.chosen && h("button", { class: "lnb-button lnb-button-plain lnb-map-legend-all", type: "button", onclick: () => this.choose(null) }, "Show all");
    fill(this.element, heading, ...this.entries.map((entry) => this.chip(entry)), this.unnamed > 0 && h("span", { class: "lnb-quiet" }, `and ${number(this.unnamed)} smaller ones`), all, this.dense && this.density);
    if (focused !== undefined) this.element.querySelector<HTMLElement>(`[data-group="${focused}"]`)?.focus();
  }

  /** The colour that most of the points have which are seen. */
  private commonest(): string {
    const most = this.entries.reduce<Entry | null>((best, one) => (this.isOn(one.group) && one.count > (best?.count ?? 0) ? one : best), null);
    return most ? this.colourOf(most) : "var(--lnb-neutral)";
  }

  private colourOf({ group, hue }: Entry): string {
    if (group === -2) return "var(--lnb-ink)";
    return group < 0 ? "var(--lnb-neutral)" : this.ramp ? RAMP[group] : classColour(hue ?? group);
  }

  private chip(entry: Entry): HTMLElement {
    const { group, name, count } = entry;
    const on = this.isOn(group);
    const square = swatch(-1);
    square.style.setProperty("--lnb-colour", this.colourOf(entry));
    return h("button", { class: "lnb-chip", type: "button", "data-group": group, "aria-pressed": String(on), title: on && this.chosen ? "Hide" : "Show only this", onclick: () => this.toggle(group) },
      square, h("span", { class: "lnb-chip-name", dir: "auto" }, name), h("span", { class: "lnb-number" }, number(count)));
  }

  private toggle(group: number): void {
    if (this.chosen === null) return this.choose(new Set([group]));
    const next = new Set(this.chosen);
    if (!next.delete(group)) next.add(group);
    this.choose(next.size && next.size < this.entries.length + this.unnamed ? next : null);
  }

  private choose(chosen: Set<number> | null): void {
    this.chosen = chosen;
    this.draw();
    this.onChange(chosen);
  }
}

/** Names of the seven steps of a scale: "0.1–0.35", ... */
export function rangeNames(low: number, high: number): string[] {
  const at = (k: number) => String(Number((low + ((high - low) * k) / RAMP.length).toPrecision(3)));
  return RAMP.map((_, k) => `${at(k)}${low < 0 ? " to " : "–"}${at(k + 1)}`);
}

/** Names of the seven steps of confidence: "0–14%", "14–29%", ... */
export function confidenceNames(): string[] {
  return RAMP.map((_, k) => `${Math.round((100 * k) / RAMP.length)}–${Math.round((100 * (k + 1)) / RAMP.length)}%`);
}
