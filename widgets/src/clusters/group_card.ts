/** Several clusters that the tree puts together, as one card: folded, or the head of its clusters. */
import { count, fill, focusedIn, h, number, setText } from "../shared/dom";
import type { ItemSource } from "../shared/items";
import { standingOf, standingWords, type GroupInfo } from "./board_types";
import { Thumb } from "./thumbs";

export interface GroupActions {
  accept(): void;
  rename(name: string): void;
  unfold(): void;
  merge(): void;
}

const SIZE = 56;

export class GroupCard {
  readonly element: HTMLElement;
  readonly field: HTMLInputElement;
  /** A group has no panel of its own; the place keeps the shape of cards the same. */
  readonly opened = h("div", { hidden: true });
  readonly key: string;
  private readonly about = h("span", { class: "lnb-quiet lnb-cluster-about" });
  private readonly standing = h("span", { class: "lnb-cluster-standing" });
  private readonly names = h("div", { class: "lnb-cluster-pure", dir: "auto" });
  private readonly typical = h("div", { class: "lnb-cluster-typical", role: "group", "aria-label": "One typical item of each" });
  private readonly fold: HTMLButtonElement;
  private readonly accepting: HTMLButtonElement;
  private shown = "";

  constructor(private info: GroupInfo, private readonly source: ItemSource, private readonly pictures: boolean, private readonly actions: GroupActions) {
    this.key = `g${info.group}`;
    const button = (what: string, key: string, act: () => void) => h("button", { class: "lnb-button", type: "button", tabindex: -1, "aria-keyshortcuts": key === "enter" ? "Enter" : key, onclick: act },
      h("span", {}, what), h("span", { class: "lnb-key", "aria-hidden": "true" }, key));
    this.field = h("input", { class: "lnb-input lnb-cluster-name", "aria-label": "What these clusters are kinds of", placeholder: "Kinds of …", maxlength: 200, autocomplete: "off", dir: "auto",
      onchange: () => actions.rename(this.field.value), onkeydown: (event: Event) => this.typed(event as KeyboardEvent) });
    this.fold = button("Unfold", "e", () => actions.unfold());
    this.accepting = button("Accept named", "enter", () => actions.accept());
    this.element = h("div", { class: "lnb-cluster lnb-cluster-group", role: "listitem", tabindex: -1, "data-group": info.group },
      h("div", { class: "lnb-cluster-head" }, h("span", { class: "lnb-caps" }, "Group"), this.about, h("span", { class: "lnb-grow" }), this.standing),
      this.names, h("div", { class: "lnb-cluster-strip" }, this.typical),
      h("div", { class: "lnb-cluster-row" }, this.field),
      h("div", { class: "lnb-cluster-row lnb-cluster-deeds" }, this.fold, this.accepting, button("Merge all", "m", () => actions.merge())));
  }

  get group(): number {
    return this.info.group;
  }

  get clusters(): readonly number[] {
    return this.info.clusters;
  }

  update(info: GroupInfo): void {
    this.info = info;
    const parts = info.exemplars.join();
    if (parts !== this.shown) {
      this.shown = parts;
      fill(this.typical, ...info.exemplars.map((position) => new Thumb(this.source, position, SIZE, this.pictures, () => this.actions.unfold()).element));
    }
    setText(this.about, `${count(info.clusters.length, "cluster")}, ${count(info.size, "item")}`);
    const rest = info.n_named - info.names.length;
    fill(this.names, ...(info.names.length ? info.names.flatMap((name, i) => [i ? ", " : "", h("bdi", {}, name)]) : ["no cluster is named yet"]), rest > 0 ? ` and ${number(rest)} more` : "");
    if (focusedIn(this.field) !== this.field) this.field.value = info.name;
    const standing = standingOf(info);
    this.element.dataset.standing = standing;
    setText(this.standing, standingWords(standing));
    setText(this.fold.firstElementChild!, info.unfolded ? "Fold" : "Unfold");
    this.fold.setAttribute("aria-expanded", String(info.unfolded));
    this.accepting.disabled = info.n_named === 0;
    this.element.toggleAttribute("data-unfolded", info.unfolded);
    this.element.setAttribute("aria-label", `Group of ${count(info.clusters.length, "cluster")}, ${count(info.size, "item")}${info.name ? `, kinds of ${info.name}` : ""}, ${number(info.n_named)} named, ${info.unfolded ? "unfolded" : "folded"}`);
  }

  select(current: boolean): void {
    this.element.tabIndex = current ? 0 : -1;
    this.element.toggleAttribute("data-current", current);
  }

  private typed(event: KeyboardEvent): void {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    this.field.blur();
    this.element.focus();
  }
}
