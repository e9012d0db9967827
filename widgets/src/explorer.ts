/** Explorer: the map of all items; draw around some, see them, label them. */
import css from "./explorer/explorer.css?inline";
import { Bits } from "./shared/bits";
import { array, type Answer } from "./shared/channel";
import { count, fill, focusedIn, h } from "./shared/dom";
import { keyLegend, state as drawnState, UndoBar } from "./shared/feedback";
import { icon } from "./shared/icons";
import type { KeyTable } from "./shared/keys";
import { Outbox, type Content, type Entry as Sent } from "./shared/outbox";
import { definePanel, WAITING, type Panel, type PanelState } from "./shared/panel";
import { Progress } from "./shared/progress";
import { SaveState } from "./shared/save_state";
import { coarseOf } from "./explorer/coarse";
import type { How } from "./explorer/gestures";
import { confidenceNames, Legend, MOST_NUMBERED, rangeNames, type Entry } from "./explorer/legend";
import { countGroups, hueOf, type Codes, type ColourBy } from "./explorer/looks";
import { PointMap } from "./explorer/map";
import { densestPlaces } from "./explorer/names";
import { Side, type Results } from "./explorer/side";

/** Milliseconds after which an answer counts as lost; the decision is kept here and sent again. */
const PATIENCE = 20_000;
const COLOURINGS: [ColourBy, string][] = [["label", "Label"], ["proposal", "Proposal"], ["confidence", "Confidence"]];

class Explorer {
  private readonly map: PointMap;
  private readonly side: Side;
  private readonly legend: Legend;
  private readonly undoBar: UndoBar;
  private readonly colourButtons = new Map<ColourBy, HTMLButtonElement>();
  private readonly column = h("select", { class: "lnb-select lnb-colour-column", "aria-label": "Colour by a column", onchange: () => this.column.value && this.colourBy(this.column.value) });
  private readonly searchField = h("input", { class: "lnb-input", type: "search", placeholder: "Search by text", "aria-label": "Search items by text", autocomplete: "off" });
  private readonly searchForm: HTMLFormElement;
  private readonly progress = new Progress("labelled");
  private readonly outbox: Outbox;
  private readonly save = new SaveState(() => this.outbox.retry());
  private readonly codes = new Map<ColourBy, Codes>();
  private selection: Bits;
  private classes: string[] = [];
  private tally = 0;

  constructor(private readonly panel: Panel) {
    this.selection = new Bits(panel.state.n_items);
    this.map = new PointMap(panel, (found, how) => this.pick(found, how), Boolean(panel.config.plain));
    this.side = new Side(panel, {
      onLabel: (k) => this.label(k), onNewClass: (name) => this.newClass(name), onClear: () => this.select(new Bits(this.selection.length)),
      onSimilar: (less) => void this.similar(less), onCloseResults: () => this.showResults(null),
      onSelectResults: (positions) => { this.select(Bits.of(this.selection.length, positions)); this.showResults(null); },
      onTick: (position) => this.tick(position), onFocus: (position) => this.map.focus(position), onTop: () => this.pickedChanged(),
      decorate: (card, position) => {
        const code = this.codes.get("label")?.values[position];
        const name = code === undefined ? undefined : this.classes[code];
        card.setLabel(name ?? null, code);
        card.speaksFor(name === undefined ? -1 : code!);
      },
    });
    this.legend = new Legend((shown) => this.filter(shown));
    this.map.onSave = (svg) => void this.savePicture(svg);
    this.map.onDensity = (dense) => this.legend.setDensity(dense);
    this.outbox = new Outbox({
      request: async (kind, { bytes, done, ...payload }: Content) => (await panel.channel.request(kind, payload, bytes ? [bytes] : [], PATIENCE)).content,
      changed: () => this.drawSaving(), saved: (entry, answer) => this.saved(entry, answer), refused: (_, reason) => panel.toasts.error(reason),
    });
    panel.onCleanup(() => this.outbox.close());
    this.undoBar = new UndoBar(() => this.step("undo"), () => this.step("redo"));
    this.searchForm = h("form", { class: "lnb-search", role: "search", onsubmit: (event: Event) => { event.preventDefault(); void this.search(); } },
      this.searchField, h("button", { class: "lnb-button", "aria-label": "Search" }, icon("search")));
    this.layout();
    this.drawColourButtons();
    panel.keys(() => this.keys());
    panel.onState((now) => this.stateChanged(now));
    this.listen();
  }

  /** Draws what came along with the widget, and fetches the rest. */
  async load(): Promise<void> {
    const first = this.panel.first?.by === this.by ? this.panel.first : undefined;
    if (first?.map) return this.show({ content: first.map, buffers: first.parts });
    const coarse = coarseOf(first);
    if (coarse) this.map.surface.standIn(coarse);
    const items = count(this.panel.state.n_items, "item");
    this.map.say(`Loading ${items}`, 0);
    const answer = await this.panel.patiently("map", { by: this.by }, () => this.map.say(`${WAITING} All ${items} are drawn once it answers.`, 0));
    this.map.say("", 0);
    this.show(answer);
  }

  private show({ content, buffers }: Answer): void {
    this.keepCodes(content.codes, buffers[1]);
    if (content.codes.by === this.by) this.map.surface.setCodes(this.codes.get(this.by)!);
    this.map.surface.setPositions(array(Uint16Array, buffers[0]));
    if (content.selected) this.take(buffers[2]);
    void this.recolour();
    if (content.results) this.showResults({ title: content.results, positions: array(Uint32Array, buffers[buffers.length - 1]) });
  }

  private get by(): ColourBy {
    return this.panel.model.get("color");
  }

  private layout(): void {
    const { panel } = this;
    const group = h("div", { class: "lnb-group", role: "group", "aria-label": "Colour by" });
    for (const [by, label] of COLOURINGS) {
      const button = h("button", { class: "lnb-button", type: "button", onclick: () => this.colourBy(by) }, label);
      this.colourButtons.set(by, button);
      group.append(button);
    }
    const columns: string[] = panel.config.columns ?? [];
    fill(this.column, h("option", { value: "" }, "a column"), ...columns.map((name) => h("option", { value: name }, name)));
    fill(panel.head,
      h("span", { class: "lnb-title" }, panel.config.title), h("span", { class: "lnb-quiet" }, count(panel.state.n_items, "item")), h("span", { class: "lnb-grow" }),
      h("div", { class: "lnb-colour-by" }, h("span", { class: "lnb-caps" }, "Colour"), group, columns.length > 0 && this.column), this.searchForm);
    fill(panel.body, h("div", { class: "lnb-map" }, this.map.area, this.legend.element), this.side.element);
    fill(panel.foot, panel.status.element, h("span", { class: "lnb-grow" }), this.save.element, this.progress.element, this.undoBar.element,
      h("div", { class: "lnb-foot-keys" }, keyLegend([["1–9", "label"], ["n", "new class"], ["l r m", "lasso, rectangle, move"], ["shift", "add"], ["alt", "take away"], ["v", "select view"], ...(["audio", "clip"].includes(panel.state.modality) ? [["space", "play"] as [string, string]] : []), ["+ − f", "zoom"], ["s", "more like these"], ["shift s", "less like these"], ["p", "save as PNG"], ["shift p", "as SVG"], ["/", "search"], ["u", "undo"], ["esc", "clear"]])));
  }

  private listen(): void {
    const { channel, model } = this.panel;
    channel.on("labels", ({ buffers }) => this.labelsChanged(array(Uint32Array, buffers[0]), array(Int16Array, buffers[1])));
    channel.on("positions", ({ buffers }) => { this.map.surface.setPositions(array(Uint16Array, buffers[0])); void this.recolour(); });
    channel.on("selection", ({ buffers, content }) => { if (content.origin !== this.panel.channel.view) this.take(buffers[0]); });
    channel.on("results", ({ content, buffers }) => this.showResults(content.title === null ? null : { title: content.title, positions: array(Uint32Array, buffers[0]) }));
    channel.on("column", ({ content }) => { this.codes.delete(content.name); void this.recolour(); });
    channel.on("proposal", () => { this.codes.delete("proposal"); this.codes.delete("confidence"); void this.recolour(); });
    const onTrait = (name: string, callback: () => void) => {
      model.on(`change:${name}`, callback);
      this.panel.onCleanup(() => model.off(`change:${name}`, callback));
    };
    onTrait("color", () => void this.recolour());
    onTrait("has_proposal", () => this.drawColourButtons());
    onTrait("shown", () => this.followShown());
    this.panel.onCleanup(() => clearTimeout(this.tally));
  }

  private keys(): KeyTable {
    const { map, side } = this;
    const inGrid = side.grid.element.contains(focusedIn(this.panel.frame));
    const arrow = (x: number, y: number) => () => (inGrid ? side.grid.move(x, y) : map.surface.pan(-x * 60, -y * 60));
    return {
      ...side.palette.keys(), ArrowLeft: arrow(-1, 0), ArrowRight: arrow(1, 0), ArrowUp: arrow(0, -1), ArrowDown: arrow(0, 1),
      "+": () => map.zoomBy(1.6), "=": () => map.zoomBy(1.6), "-": () => map.zoomBy(1 / 1.6), f: () => map.surface.fit(),
      l: () => map.setTool("lasso"), r: () => map.setTool("rectangle"), m: () => map.setTool("move"),
      v: () => map.selectView("set"), "Shift+v": () => map.selectView("add"),
      u: () => this.step("undo"), "Shift+u": () => this.step("redo"), s: () => void this.similar(false), "Shift+s": () => void this.similar(true), p: () => void this.savePicture(false), "Shift+p": () => void this.savePicture(true),
      "/": () => { if (this.searchForm.hidden) return false; this.searchField.focus(); },
      " ": () => { if (!inGrid) return false; if (side.results || !side.grid.play()) side.grid.press(); }, Enter: () => { if (!inGrid) return false; side.grid.press(); },
      x: () => this.takeAway(), Delete: () => this.takeAway(), Backspace: () => this.decide(null, "set back to no label"),
      Escape: () => { if (!map.abandon()) { if (side.results) this.showResults(null); else this.select(new Bits(this.selection.length)); } },
    };
  }

  // Selection ------------------------------------------------------------------------------------------------------------

  private pick(found: Bits, how: How): void {
    this.select(this.selection.combined(found, how));
  }

  /** The person's selection: told to Python, which takes it in while it is drawn here. */
  private select(bits: Bits): void {
    this.selection = bits;
    void this.panel.attempt(() => this.panel.channel.request("select", { origin: this.panel.channel.view }, [bits.bytes]));
    this.selectionChanged();
  }

  /** A selection made elsewhere. */
  private take(buffer: DataView): void {
    this.selection = new Bits(this.panel.state.n_items, array(Uint8Array, buffer));
    this.selectionChanged();
  }

  private selectionChanged(): void {
    if (!this.side.results) this.map.focus(-1);
    this.side.setSelection(this.selection);
    this.pickedChanged();
    const n = this.selection.count();
    this.panel.status.set(n ? `${count(n, "item")} selected` : "Nothing is selected");
  }

  private pickedChanged(): void {
    const some = this.selection.bytes.some((byte) => byte !== 0);
    this.map.surface.setPicked(some ? this.selection : null, this.side.foundBits);
  }

  /** Takes a result into the selection, or out of it. */
  private tick(position: number): void {
    const bits = new Bits(this.selection.length, this.selection.bytes);
    if (bits.has(position)) bits.remove(position);
    else bits.add(position);
    this.select(bits);
  }

  /** Takes the item with the focus ring in the grid out of the selection. */
  private takeAway(): void {
    const position = this.side.grid.focused;
    if (position < 0 || this.side.results || !this.side.grid.element.contains(focusedIn(this.panel.frame))) return;
    const bits = new Bits(this.selection.length, this.selection.bytes);
    bits.remove(position);
    this.select(bits);
  }

  // Labels ---------------------------------------------------------------------------------------------------------------

  private label(k: number): void {
    this.decide(this.classes[k], `labelled ${this.classes[k]}`);
  }

  private newClass(name: string): void {
    this.outbox.push("add_class", { name, done: `New class ${name}` });
    if (this.selection.count()) this.decide(name, `labelled ${name}`);
    this.map.area.focus({ preventScroll: true });
  }

  /** Gives `value` to the selection; it is shown when Python has answered that it is on disk. */
  private decide(value: string | null, done: string): void {
    const n = this.selection.count();
    if (!n) return this.panel.status.set("Nothing is selected: draw around points first");
    this.outbox.push("decide", { value, bits: true, from_result: this.by !== "label", bytes: this.selection.bytes, done: `${count(n, "item")} ${done}` });
  }

  private step(which: "undo" | "redo"): void {
    if (which === "undo" && this.outbox.cancelLast()) return this.panel.status.set("The unsaved decision was dropped");
    this.outbox.push(which, { done: which === "undo" ? "Undone" : "Done again" });
  }

  private saved(entry: Sent, answer: Content): void {
    if (entry.kind === "decide") this.progress.worked(answer.n);
    const empty = (entry.kind === "undo" || entry.kind === "redo") && !answer.n;
    this.panel.status.set(empty ? `Nothing to ${entry.kind}` : entry.payload.done);
  }

  private drawSaving(): void {
    this.save.update(this.outbox);
    this.undoBar.set(this.panel.state.can_undo || this.outbox.size > 0, this.panel.state.can_redo);
  }

  private labelsChanged(positions: Uint32Array, labels: Int16Array): void {
    const codes = this.codes.get("label");
    if (!codes) return;
    positions.forEach((position, i) => { codes.values[position] = labels[i] === -1 ? codes.none : labels[i] === -2 ? codes.other : labels[i]; });
    this.side.grid.refresh();
    this.map.refreshHover();
    if (this.by === "label") void this.recolour();
  }

  private stateChanged(now: PanelState): void {
    const more = now.classes.length !== this.classes.length;
    this.classes = now.classes;
    this.side.palette.update(now.classes);
    this.side.palette.setDisabled(this.selection.count() === 0);
    this.drawSaving();
    this.progress.set(now.n_known, now.n_items);
    this.searchForm.hidden = !now.can_search_text;
    if (more && this.codes.size) void this.recolour();
  }

  // Colours and filters --------------------------------------------------------------------------------------------------

  private colourBy(by: ColourBy): void {
    this.panel.model.set?.("color", by);
    this.panel.model.set?.("shown", null);
    this.panel.model.save_changes?.();
  }

  /** Draws the colouring that the model names, fetching its codes where they are not here. */
  private async recolour(): Promise<void> {
    const by = this.by;
    this.drawColourButtons();
    let codes = this.codes.get(by);
    if (!codes || (!codes.ramp && codes.names === null && this.classes.length > codes.other)) {
      const fetched = await this.panel.attempt(async () => {
        const { content, buffers } = await this.panel.channel.request("colours", { by });
        codes = this.keepCodes(content.codes, buffers[0]);
      });
      if (!fetched || by !== this.by || this.panel.closed) return;
    }
    this.map.surface.setCodes(codes!);
    this.followShown();
    clearTimeout(this.tally);
    this.tally = window.setTimeout(() => this.drawLegend(codes!), 0);
  }

  private keepCodes({ bytes, ...about }: Omit<Codes, "values"> & { bytes: number }, buffer: DataView): Codes {
    const codes = { ...about, values: bytes === 1 ? array(Uint8Array, buffer) : array(Uint16Array, buffer) };
    this.codes.set(about.by, codes);
    return codes;
  }

  private drawColourButtons(): void {
    const proposal = Boolean(this.panel.model.get("has_proposal"));
    for (const [by, button] of this.colourButtons) {
      button.setAttribute("aria-pressed", String(by === this.by));
      button.disabled = by !== "label" && !proposal;
      this.column.value = this.colourButtons.has(this.by) ? "" : this.by;
      button.title = button.disabled ? "There is no proposal here yet" : "";
    }
  }

  private drawLegend(codes: Codes): void {
    const names = codes.by === "confidence" ? confidenceNames() : codes.ramp ? rangeNames(codes.low ?? 0, codes.high ?? 1) : codes.names ?? this.classes;
    const counts = countGroups(codes, names.length);
    const entries: Entry[] = names.map((name, group) => ({ group, name, count: counts.groups[group], hue: hueOf(codes, group) }));
    if (counts.other) entries.push({ group: -2, name: codes.names ? "other values" : "other answers", count: counts.other });
    if (counts.none) entries.push({ group: -1, name: codes.by === "label" ? "no label" : codes.by === "proposal" || codes.by === "confidence" ? "no proposal" : "no value", count: counts.none });
    this.legend.update(codes.by, entries, codes.ramp, codes.hues ? MOST_NUMBERED : Infinity);
    const places = codes.ramp ? [] : densestPlaces(this.map.surface.xy, codes, names.length, Math.max(3, this.map.surface.n / 2_000));
    this.map.names.set(places, names, (group) => hueOf(codes, group));
  }

  private filter(shown: Set<number> | null): void {
    this.panel.model.set?.("shown", shown ? [...shown].sort((a, b) => a - b) : null);
    this.panel.model.save_changes?.();
    this.followShown();
  }

  private followShown(): void {
    const list: number[] | null = this.panel.model.get("shown");
    const shown = list ? new Set(list) : null;
    this.legend.set(shown);
    this.map.names.setShown(shown);
    this.map.surface.setShown(shown ? (group) => shown.has(group) : null);
  }

  // Search ---------------------------------------------------------------------------------------------------------------

  private async search(): Promise<void> {
    const text = this.searchField.value.trim();
    if (!text) return this.showResults(null);
    this.panel.status.set("Searching");
    if (await this.panel.attempt(() => this.panel.channel.request("search", { text }))) this.select(new Bits(this.selection.length));
  }

  /** More like the selection; with `less`, less like it, beside what was liked before. */
  private async similar(less: boolean): Promise<void> {
    if (!this.selection.count()) return this.panel.status.set("Select an item first, then ask for more like it");
    this.panel.status.set("Searching");
    await this.panel.attempt(() => this.panel.channel.request("similar", { less }, [this.selection.bytes]));
  }

  /** The map as it is seen, as a PNG or SVG file. */
  private async savePicture(svg: boolean): Promise<void> {
    const { config, state } = this.panel;
    const title = `${config.title}: ${count(state.n_items, "item")}, colours by ${this.by}`;
    const blob = svg ? new Blob([this.map.drawing(title, this.legend.lines)], { type: "image/svg+xml" }) : await this.map.picture();
    if (!blob) return this.panel.toasts.say("The picture could not be made.");
    const name = svg ? "map.svg" : "map.png";
    const url = URL.createObjectURL(blob);
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    this.panel.status.set(`Saved as ${name}`);
  }

  private showResults(results: Results | null): void {
    this.side.setResults(results);
    this.pickedChanged();
    this.map.focus(-1);
    this.map.rank(results ? this.side.found : null);
    this.panel.status.set(results ? `${results.title}: ${count(this.side.found.length, "item")}, best first` : "");
  }
}

export default definePanel("explorer", css, async (panel) => {
  if (!panel.state.n_items) {
    panel.body.append(drawnState("There are no items", "Load some into the session, then draw the map again."));
    return;
  }
  await new Explorer(panel).load();
});
