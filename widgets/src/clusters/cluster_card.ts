/** One cluster as a card: what is typical of it, what is at its border, its name, and what can be done with it. */
import { fill, focusedIn, h, number, setText } from "../shared/dom";
import type { ItemSource } from "../shared/items";
import { classColour } from "../shared/palette";
import { aboutCluster, nextProposal, sourceWords, standingWords, type CardStanding, type ClusterInfo, type Proposal } from "./board_types";
import { Thumb } from "./thumbs";

export interface CardActions {
  /** Accept all of it; what is marked is excepted, and left to review where that is said. */
  accept(review?: boolean): void;
  rename(name: string): void;
  open(): void;
  send(): void;
  choose(): void;
  mark(position: number, event: MouseEvent): void;
  split(out: boolean): void;
  splitUp(): void;
}

const SIZE = 56;
const CHIPS = 3;

export class ClusterCard {
  readonly element: HTMLElement;
  readonly field: HTMLInputElement;
  private readonly box: HTMLInputElement;
  private readonly about = h("span", { class: "lnb-quiet lnb-cluster-about" });
  private readonly pure = h("div", { class: "lnb-cluster-pure", dir: "auto" });
  private readonly chips = h("div", { class: "lnb-cluster-chips", role: "group", "aria-label": "Proposed names, press one to take it", hidden: true });
  private readonly typical = h("div", { class: "lnb-cluster-typical", role: "group", "aria-label": "Typical items" });
  private readonly border = h("div", { class: "lnb-cluster-border", role: "group", "aria-label": "Borderline items" });
  private readonly deeds: HTMLElement;
  private readonly standing = h("span", { class: "lnb-cluster-standing" });
  private readonly marked = h("div", { class: "lnb-cluster-marked", hidden: true });
  private readonly toggle: HTMLButtonElement;
  /** All its items, when it is open: stands after the card, across the board. */
  readonly opened: HTMLElement;
  readonly key: string;
  private thumbs: Thumb[] = [];
  private shown = "";
  private chipped = "";

  constructor(private info: ClusterInfo, private readonly source: ItemSource, private readonly pictures: boolean, list: string, private readonly actions: CardActions) {
    this.key = `c${info.cluster}`;
    this.field = h("input", { class: "lnb-input lnb-cluster-name", list, "aria-label": `Name of cluster ${info.cluster}`, maxlength: 200, autocomplete: "off", dir: "auto",
      onchange: () => actions.rename(this.field.value), onkeydown: (event: Event) => this.typed(event as KeyboardEvent) });
    this.box = h("input", { type: "checkbox", tabindex: -1, "aria-label": `Choose cluster ${info.cluster}`, onclick: () => actions.choose() });
    const button = (what: string, key: string, act: () => void, main = false) =>
      h("button", { class: `lnb-button${main ? " lnb-cluster-accept" : ""}`, type: "button", tabindex: -1, "aria-keyshortcuts": key === "enter" ? "Enter" : key, onclick: act }, what, h("span", { class: "lnb-key", "aria-hidden": "true" }, key));
    this.toggle = button("All items", "e", () => actions.open());
    this.opened = h("div", { class: "lnb-cluster-open", role: "listitem", "aria-label": `All items of cluster ${info.cluster}`, hidden: true });
    this.deeds = h("div", { class: "lnb-cluster-row lnb-cluster-deeds" }, this.toggle, button("Split up", "k", () => actions.splitUp()), button("Review", "v", () => actions.send()));
    this.element = h("div", { class: "lnb-cluster", role: "listitem", tabindex: -1, draggable: "true", "data-cluster": info.cluster },
      h("div", { class: "lnb-cluster-head" }, h("label", { class: "lnb-cluster-number" }, this.box, h("span", { class: "lnb-caps" }, `Cluster ${info.cluster}`)), this.about, h("span", { class: "lnb-grow" }), this.standing),
      this.pure,
      h("div", { class: "lnb-cluster-strip" }, this.typical, this.border),
      h("div", { class: "lnb-cluster-row" }, h("span", { class: "lnb-swatch" }), this.field, button("Accept", "enter", () => actions.accept(), true)),
      this.chips, this.deeds, this.marked);
    this.element.addEventListener("dragstart", (event) => {
      event.dataTransfer?.setData("application/x-labelnb-cluster", String(this.info.cluster));
      if (event.dataTransfer) event.dataTransfer.effectAllowed = "move";
    });
  }

  get cluster(): number {
    return this.info.cluster;
  }

  /** The name that would be accepted: what is typed, else what is proposed. */
  get name(): string {
    return this.field.value.trim() || this.field.placeholder.trim();
  }

  update(info: ClusterInfo, standing: CardStanding, classes: readonly string[]): void {
    this.info = info;
    const suggestion = info.name || info.proposals[0]?.name || "";
    const parts = [...info.exemplars, -1, ...info.borderline].join();
    if (parts !== this.shown) {
      this.shown = parts;
      this.thumbs = [...info.exemplars.map((position) => this.thumb(position, false)), ...info.borderline.map((position) => this.thumb(position, true))];
      fill(this.typical, ...this.thumbs.slice(0, info.exemplars.length).map((thumb) => thumb.element));
      fill(this.border, ...this.thumbs.slice(info.exemplars.length).map((thumb) => thumb.element));
      this.border.hidden = info.borderline.length === 0;
    }
    setText(this.about, `${number(info.size)} ${info.size === 1 ? "item" : "items"}`);
    fill(this.pure, ...aboutCluster(info).flatMap(({ text, label }, i) => [i ? " · " : "", text, label !== undefined && h("bdi", {}, label)]));
    this.drawChips(info.proposals.filter((one) => one.name !== info.name).slice(0, CHIPS));
    if (focusedIn(this.field) !== this.field) this.field.value = info.name;
    this.field.title = info.name;
    this.element.toggleAttribute("data-within", info.within !== null);
    this.field.placeholder = suggestion || "Name this cluster";
    this.field.toggleAttribute("data-suggested", suggestion !== "");
    if (!suggestion) this.field.placeholder = "";
    const position = classes.indexOf(this.name);
    this.element.style.setProperty("--lnb-colour", position >= 0 ? classColour(position) : "var(--lnb-neutral)");
    this.element.dataset.standing = standing;
    setText(this.standing, standingWords(standing));
    const said = standingWords(standing).replace("✓ ", "");
    this.element.setAttribute("aria-label", `Cluster ${info.cluster}, ${info.size} items${this.field.value ? `, named ${this.field.value}` : suggestion ? `, proposed name ${suggestion}` : ", no name"}${said ? `, ${said}` : ""}`);
  }

  /** Which items are marked, for splitting; `many` counts those out of sight, too. */
  setMarked(marked: ReadonlySet<number>): void {
    for (const thumb of this.thumbs) thumb.mark(marked.has(thumb.position));
    this.marked.hidden = marked.size === 0;
    this.deeds.hidden = marked.size > 0;
    if (!marked.size) return;
    const button = (what: string, key: string, act: () => void) => h("button", { class: "lnb-button", type: "button", tabindex: -1, onclick: act }, what, h("span", { class: "lnb-key", "aria-hidden": "true" }, key));
    fill(this.marked, h("span", { class: "lnb-cluster-count" }, `${number(marked.size)} marked`), button("Split off", "s", () => this.actions.split(false)), button("Take out", "x", () => this.actions.split(true)),
      button("Accept the rest, these are not it", "enter", () => this.actions.accept()), button("Accept the rest, review these", "shift enter", () => this.actions.accept(true)));
  }

  select(current: boolean, chosen: boolean): void {
    this.element.tabIndex = current ? 0 : -1;
    this.element.toggleAttribute("data-current", current);
    this.element.toggleAttribute("data-chosen", chosen);
    this.box.checked = chosen;
  }

  setOpen(open: boolean): void {
    this.element.toggleAttribute("data-open", open);
    this.opened.hidden = !open;
    this.element.draggable = !open;
    this.toggle.setAttribute("aria-expanded", String(open));
    if (!open) this.opened.replaceChildren();
  }

  /** Puts the next proposed name into the field, and gives it. */
  nextName(): void {
    const name = nextProposal(this.info.proposals, this.field.value.trim());
    if (!name) return;
    this.field.value = name;
    this.actions.rename(name);
  }

  private drawChips(proposals: readonly Proposal[]): void {
    const now = JSON.stringify(proposals);
    if (now === this.chipped) return;
    this.chipped = now;
    this.chips.hidden = !proposals.length;
    fill(this.chips, ...proposals.map((one) => h("button", { class: "lnb-cluster-chip", type: "button", tabindex: -1, onclick: () => { this.field.value = one.name; this.actions.rename(one.name); } },
      h("span", { class: "lnb-cluster-chip-name", dir: "auto" }, one.name), " ", h("span", { class: "lnb-cluster-chip-source" }, sourceWords(one)))));
  }

  private thumb(position: number, border: boolean): Thumb {
    return new Thumb(this.source, position, SIZE, this.pictures, (event) => this.actions.mark(position, event), border, (review) => this.actions.accept(review)).speaksFor(this.info.cluster);
  }

  private typed(event: KeyboardEvent): void {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    this.actions.accept();
    this.element.focus();
  }
}
