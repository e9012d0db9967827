/** What would be if: changes of edges and labels tried on the map, then committed or discarded; and the propagation played on it. */
import { array } from "../shared/channel";
import { count, fill, focusedIn, h, number, setText } from "../shared/dom";
import { swatch } from "../shared/classes";
import type { KeyTable } from "../shared/keys";
import type { Panel } from "../shared/panel";
import { SmallItem } from "../shared/small_item";
import type { EgoNode } from "./ego";
import { ItemMap, type Change } from "./map";
import { Player } from "./player";
import { inWords, isEmpty, NOTHING, standing, withWish, type Pending, type Tried, type Wish } from "./tried";

const ROWS = 60;
const PART = 0.2;

export class WhatIf {
  /** What can be done with the node under the cursor. */
  readonly bar = h("div", { class: "lnb-edge", role: "group", "aria-label": "Try a change" });
  /** The map and what would change. */
  readonly element: HTMLElement;
  readonly toggle: HTMLButtonElement;
  private readonly player: Player;
  private readonly map: ItemMap;
  private readonly chips = h("div", { class: "lnb-tried", role: "group", "aria-label": "Being tried" });
  private readonly summary = h("p", { class: "lnb-tried-summary", role: "status", "aria-live": "polite" });
  private readonly list = h("ul", { class: "lnb-why-list lnb-changed", "aria-label": "Items that would change" });
  private readonly note = h("p", { class: "lnb-quiet", role: "note", hidden: true });
  private readonly commitButton: HTMLButtonElement;
  private readonly discardButton: HTMLButtonElement;
  private readonly select: HTMLSelectElement;
  private tried: Tried = NOTHING;
  private asking = 0;
  private loaded = false;
  private item: EgoNode | null = null;
  private node: EgoNode | null = null;
  private weight: number | null = null;
  private names = new Map<number, string>();

  constructor(private readonly panel: Panel, private readonly pictures: boolean, private readonly classes: () => readonly string[], private readonly onPick: (item: number) => void, private readonly onTried: (tried: Tried) => void, private readonly onFrame: (classAt: ((item: number) => number | undefined) | null) => void) {
    const key = (name: string) => h("span", { class: "lnb-key", "aria-hidden": "true" }, name);
    this.toggle = h("button", { class: "lnb-button", type: "button", "aria-pressed": "false", "aria-keyshortcuts": "Shift+m", onclick: () => this.open(this.element.hidden === true) }, "Map", key("M"));
    this.map = new ItemMap(() => ({ dark: panel.theme.dark, neutral: panel.theme.neutral }), onPick);
    this.player = new Player(panel, (frame) => {
      this.map.play(frame);
      this.onFrame(frame ? (item) => this.map.classAt(item) : null);
    });
    this.player.element.hidden = panel.config.has_system !== true;
    this.select = h("select", { class: "lnb-select", "aria-keyshortcuts": "Shift+f", onchange: () => this.flip() });
    this.commitButton = h("button", { class: "lnb-button lnb-button-main", type: "button", "aria-keyshortcuts": "Shift+k", onclick: () => void this.commit() }, "Commit", key("K"));
    this.discardButton = h("button", { class: "lnb-button", type: "button", "aria-keyshortcuts": "Shift+x", onclick: () => void this.discard() }, "Discard", key("X"));
    this.element = h("section", { class: "lnb-whatif", "aria-label": "Map of all items", hidden: true },
      h("div", { class: "lnb-map-side" }, this.note, this.map.canvas, this.player.element),
      h("div", { class: "lnb-changed-side" }, h("div", { class: "lnb-caps" }, "What if"), this.chips, this.summary, h("div", { class: "lnb-tried-buttons" }, this.commitButton, this.discardButton), this.list));
    const resized = new ResizeObserver(() => this.map.draw());
    resized.observe(this.map.canvas);
    panel.onCleanup(() => { resized.disconnect(); this.map.close(); });
    panel.onTheme(() => this.map.draw());
    const changed = () => { if (!this.asking) void this.follow(); };
    panel.model.on("change:pending", changed);
    panel.onCleanup(() => panel.model.off("change:pending", changed));
    this.drawTried([]);
  }

  /** Shows what is being tried already, such as from Python. */
  async start(): Promise<void> {
    if (!isEmpty(this.pending)) await this.follow();
  }

  keys(): KeyTable {
    return {
      "-": () => this.onEdge("cut"), ",": () => this.onEdge("weigh"), "+": () => this.onEdge("add"), "=": () => this.onEdge("add"),
      "Shift+f": () => this.select.focus(), "Shift+k": () => void this.commit(), "Shift+x": () => void this.discard(), "Shift+m": () => this.open(this.element.hidden === true),
      "Shift+p": () => { this.open(true); void this.player.toggle(); }, ".": () => { this.open(true); void this.player.step(1); },
    };
  }

  /** The item in view, the node under the cursor, and the weight of the edge between them. */
  cursor(item: EgoNode, node: EgoNode, weight: number | null): void {
    this.item = item;
    this.node = node;
    this.weight = weight;
    this.drawBar();
    this.map.current(item.node);
  }

  open(shown: boolean): void {
    this.element.hidden = !shown;
    this.toggle.setAttribute("aria-pressed", String(shown));
    if (shown) void this.load();
    else this.player.reset();
  }

  /** The proposal is another one: after a commit, or an undo of one. */
  async renew(): Promise<void> {
    this.loaded = false;
    this.player.reset();
    if (!this.element.hidden) await this.load();
  }

  /** Class names or labels changed. */
  update(): void {
    this.drawBar();
  }

  private get pending(): Pending | Tried {
    const given = this.panel.model.get("pending") as Pending | undefined;
    return given && "cut" in given ? given : NOTHING;
  }

  private async load(): Promise<void> {
    if (this.loaded) return this.map.draw();
    this.loaded = true;
    const fine = await this.panel.attempt(async () => {
      const { content, buffers } = await this.panel.channel.request("map");
      this.map.show({ positions: array(Uint32Array, buffers[0]), places: array(Uint16Array, buffers[1]), classes: array(Int16Array, buffers[2]), sure: array(Uint8Array, buffers[3]), width: content.width, height: content.height });
      this.map.canvas.setAttribute("aria-label", `Map of ${count(content.of, "item")}, each a point in the colour of its class`);
      const said = [content.n < content.of && `${number(content.n)} of ${number(content.of)} items drawn.`, content.stale && "The graph is no longer the one that the method ran on: run it again."].filter(Boolean);
      this.note.hidden = !said.length;
      setText(this.note, said.join(" "));
    });
    if (!fine) this.loaded = false;
  }

  // Trying ------------------------------------------------------------------------------------------------------------------

  private onEdge(kind: "cut" | "weigh" | "add"): void {
    const { item, node } = this;
    if (!item || !node) return;
    if (node.node < 0) return this.panel.status.set("Edges to class names are not changed by hand: label items instead.");
    const whole = node.node === item.node;
    const items = whole ? [item.node] : [item.node, node.node];
    if (kind === "add" && whole) return this.panel.status.set("Put the cursor on another item to join the two.");
    if (kind === "add" && this.weight !== null && !standing(this.tried, items)) return this.panel.status.set("These two are joined already.");
    if (kind !== "add" && !whole && this.weight === null) return this.panel.status.set("There is no edge between these two.");
    if (kind === "add") this.wish({ kind, items: [items[0], items[1]] });
    else if (kind === "weigh") this.wish({ kind, items, factor: PART });
    else this.wish({ kind, items });
  }

  private flip(): void {
    const node = this.node && this.node.node >= 0 ? this.node : this.item;
    const chosen = this.select.value;
    if (!node || chosen === "") return;
    this.wish({ kind: "label", item: node.node, value: chosen === "-" ? null : this.classes()[Number(chosen)] });
  }

  /** Tries these changes and no others. */
  wishes(wishes: readonly Wish[]): void {
    this.tried = wishes.slice(0, -1).reduce(withWish, NOTHING);
    this.wish(wishes[wishes.length - 1]);
  }

  private wish(wish: Wish): void {
    this.tried = withWish(this.tried, wish);
    if (this.element.hidden) {
      this.open(true);
      requestAnimationFrame(() => this.element.scrollIntoView({ block: "nearest" }));
    }
    void this.ask();
  }

  private async ask(): Promise<void> {
    if (isEmpty(this.tried)) return this.discard();
    const wanted = this.tried;
    const mine = ++this.asking;
    setText(this.summary, "Working it out …");
    const fine = await this.panel.attempt(async () => {
      const { content, buffers } = await this.panel.channel.request("preview", { ...wanted });
      if (mine === this.asking) this.show(content.tried as Pending, buffers);
    });
    if (mine !== this.asking) return;
    this.asking = 0;
    if (!fine) this.drawTried([]);
  }

  /** What Python says is being tried. */
  private async follow(): Promise<void> {
    if (isEmpty(this.pending)) return this.clear();
    await this.panel.attempt(async () => {
      const { content, buffers } = await this.panel.channel.request("tried");
      if (this.asking) return;
      this.open(true);
      this.show(content.tried as Pending, buffers);
    });
  }

  private show(pending: Pending, buffers: DataView[]): void {
    if (!pending || !("cut" in pending)) return this.clear();
    for (const [item, name] of pending.names ?? []) this.names.set(item, name);
    this.tried = { cut: pending.cut, weigh: pending.weigh, add: pending.add, labels: pending.labels };
    const [items, before, after] = [array(Uint32Array, buffers[0]), array(Int16Array, buffers[1]), array(Int16Array, buffers[2])];
    this.drawTried(Array.from(items, (item, i) => ({ item, before: before[i], after: after[i] })), pending);
  }

  private async commit(): Promise<void> {
    if (isEmpty(this.tried)) return this.panel.status.set("Nothing is being tried: cut an edge or choose another class first.");
    const words = inWords(this.tried, (item) => this.nameOf(item)).map(({ text }) => text).join(", ");
    const mine = ++this.asking;
    const fine = await this.panel.attempt(() => this.panel.channel.request("commit"));
    if (mine === this.asking) this.asking = 0;
    if (!fine) return;
    this.clear();
    this.panel.status.set(`Committed: ${words}. u takes it back.`);
  }

  private async discard(): Promise<void> {
    if (isEmpty(this.tried) && isEmpty(this.pending)) return;
    this.asking = 0;
    if (await this.panel.attempt(() => this.panel.channel.request("discard"))) {
      this.clear();
      this.panel.status.set("Discarded: nothing was changed.");
    }
  }

  private clear(): void {
    this.tried = NOTHING;
    this.drawTried([]);
  }

  // Drawing -----------------------------------------------------------------------------------------------------------------

  private nameOf(item: number): string {
    return this.names.get(item) ?? `item ${item}`;
  }

  private drawBar(): void {
    const { item, node } = this;
    if (!item || !node) return;
    const button = (what: string, key: string, kind: "cut" | "weigh" | "add", on: boolean) =>
      h("button", { class: "lnb-button", type: "button", "aria-pressed": String(on), "aria-keyshortcuts": key, onclick: () => this.onEdge(kind) }, what, h("span", { class: "lnb-key", "aria-hidden": "true" }, key));
    const whole = node.node === item.node;
    const now = node.node < 0 ? null : standing(this.tried, whole ? [item.node] : [item.node, node.node]);
    const joined = whole || this.weight !== null || now === "cut" || now === "weigh";
    const about = node.node < 0 ? "A class name" : whole ? "The item in view" : this.weight !== null ? `Edge of weight ${this.weight.toPrecision(2)}` : "No edge between these two";
    const value = this.tried.labels.find(([one]) => one === (node.node < 0 ? item.node : node.node));
    fill(this.select, h("option", { value: "" }, "another class …"), ...this.classes().map((name, k) => h("option", { value: k, selected: value?.[1] === name }, name)), h("option", { value: "-", selected: value?.[1] === null }, "no label"));
    this.select.setAttribute("aria-label", `What if ${whole || node.node < 0 ? "the item in view" : "this neighbour"} were of another class`);
    const at = focusedIn(this.bar);
    const focused = at && this.bar.contains(at) ? at.getAttribute("aria-keyshortcuts") : null;
    fill(this.bar, h("span", { class: "lnb-edge-about" }, about),
      node.node >= 0 && joined && button(whole ? "Cut all its edges" : "Cut", "-", "cut", now === "cut"),
      node.node >= 0 && joined && button(whole ? "Weaken them" : "Weaken", ",", "weigh", now === "weigh"),
      node.node >= 0 && !whole && (!joined || now === "add") && button("Join", "+", "add", now === "add"),
      h("span", { class: "lnb-edge-if" }, "What if it were", this.select, h("span", { class: "lnb-key", "aria-hidden": "true" }, "F")));
    if (focused) this.bar.querySelector<HTMLElement>(`[aria-keyshortcuts="${CSS.escape(focused)}"]`)?.focus();
  }

  private drawTried(changes: readonly Change[], pending?: Pending): void {
    const empty = isEmpty(this.tried);
    fill(this.chips, ...inWords(this.tried, (item) => this.nameOf(item)).map(({ text, wish }) =>
      h("button", { class: "lnb-button lnb-chip", type: "button", "aria-label": `Take out: ${text}`, onclick: () => this.wish(wish) }, h("span", { dir: "auto" }, text), h("span", { "aria-hidden": "true" }, "×"))));
    const exact = pending?.residual === null || pending?.residual === undefined ? "" : ` · residual ${pending.residual.toExponential(0)}`;
    setText(this.summary, empty ? "Put the cursor on a neighbour and cut its edge, or ask what if an item were of another class. Nothing is changed until you commit."
      : pending ? `${count(pending.n_changed, "item")} of ${number(this.panel.state.n_items)} would change class · ${Math.max(1, Math.round(pending.ms))} ms${exact}${pending.held ? ` · ${pending.held}` : ""}` : "This could not be worked out.");
    this.commitButton.disabled = this.discardButton.disabled = empty;
    this.map.mark(changes);
    const name = (position: number) => (position >= 0 ? this.classes()[position] : "nothing");
    fill(this.list, ...changes.slice(0, ROWS).map(({ item, before, after }) => {
      const picture = new SmallItem(this.panel.items, item, this.pictures ? 88 : 16);
      const words = h("span", { class: "lnb-changed-words" }, swatch(before), h("span", { dir: "auto" }, name(before)), h("span", { class: "lnb-hidden" }, "would become"), h("span", { "aria-hidden": "true" }, "→"), swatch(after), h("strong", { dir: "auto" }, name(after)));
      const told = h("span", { class: "lnb-hidden" });
      picture.element.classList.add("lnb-why-mini");
      picture.onText(() => { picture.element.title = picture.text; if (this.pictures) setText(told, picture.text); });
      return h("li", {}, h("button", { class: "lnb-why-row lnb-changed-row", type: "button", onclick: () => this.onPick(item) }, picture.element, told, words));
    }), changes.length > ROWS && h("li", { class: "lnb-quiet" }, `and ${number(changes.length - ROWS)} more, on the map`));
    this.drawBar();
    this.onTried(this.tried);
  }
}
