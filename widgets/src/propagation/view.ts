/** PropagationGraph on the page: the list to choose from, the drawing, the reasons; and what the person decides of the item in view. */
import { ClassPalette } from "../shared/classes";
import { fill, focusedIn, h } from "../shared/dom";
import { keyLegend, state as drawnState, UndoBar } from "../shared/feedback";
import type { KeyTable } from "../shared/keys";
import { Outbox, type Content } from "../shared/outbox";
import type { Panel } from "../shared/panel";
import { Progress } from "../shared/progress";
import { SaveState } from "../shared/save_state";
import { shown, type Shown } from "../review/answers";
import { answers, message, valueIn, type Wanted } from "../review/decisions";
import { ClassFinder } from "../shared/finder";
import { CLASS_KEYS } from "../review/keymap";
import { Checks } from "./checks";
import { Drawing } from "./drawing";
import type { Ego, Standing } from "./ego";
import { Flips } from "./flips";
import { Picker } from "./picker";
import { WhatIf } from "./what_if";
import { Why } from "./why";

const LEGEND: readonly (readonly [string, string])[] = [
  ["← → ↑ ↓", "move"], ["enter", "look at it"], ["esc", "back"], ["page down", "next item"], ["space", "accept"], ["1–9", "label"], ["-", "try a cut"], ["shift K", "commit"], ["u", "undo"], ["h", "all keys"],
];
const MORE: readonly (readonly [string, string])[] = [
  ["x", "not this"], ["?", "unsure"], [",", "try a weaker edge"], ["+", "try a new edge"], ["shift F", "what if another class"], ["shift X", "discard"], ["shift M", "map"], ["shift P", "play"], [".", "next round"], ["shift W", "what would flip it"], ["shift D", "checks"],
  ["q w e …", "label, from the tenth class"], ["/", "find a class by name"], ["n", "new class"], ["0", "not in the list"], ["backspace", "clear"], ["r", "redo"], ["page up", "item before"], ["home", "to the item"], ["shift l", "search items"],
];
const PATIENCE = 8_000;
const NOTHING: Partial<Record<Wanted["kind"], string>> = { accept: "Nothing is proposed for this item: press a class's key.", not: "This item shows no class that could be denied.", clear: "There is no label to clear." };

export class GraphView {
  private ego: Ego | null = null;
  private classes: readonly string[] = [];
  private going = 0;
  private wholeLegend = false;
  private readonly outbox: Outbox;
  private readonly drawing: Drawing;
  private readonly why: Why;
  private readonly whatIf: WhatIf;
  private readonly checks: Checks;
  private readonly flips: Flips;
  private readonly picker: Picker;
  private readonly palette: ClassPalette;
  private readonly finder: ClassFinder;
  private readonly save = new SaveState(() => this.outbox.retry());
  private readonly undoBar = new UndoBar(() => this.takeBack(false), () => this.takeBack(true));
  private readonly progress = new Progress("labelled");
  private readonly back: HTMLButtonElement;
  private readonly legend = h("div", { class: "lnb-legend" });
  private readonly middle = h("div", { class: "lnb-graph-place" });

  constructor(private readonly panel: Panel) {
    const { config } = panel;
    const pictures = panel.state.modality === "image";
    const standing = (item: Standing) => this.now(item);
    this.outbox = new Outbox({
      request: async (kind: string, payload: Content) => (await panel.channel.request(kind, payload, [], PATIENCE)).content,
      changed: () => this.drawStandings(),
      saved: (entry) => {
        if (entry.kind === "answer") this.progress.worked(entry.positions.length);
        const item = this.ego?.nodes[0] as Standing | undefined;
        if (entry.kind === "answer" && item && entry.positions.includes(item.position)) {
          const value = valueIn(entry.payload, item.position);
          const now = shown(item, this.classes, { value, state: "waiting" });
          item.label = value === null ? null : now.label;
          item.reviewed = item.label !== null;
        }
        void this.refresh();
      },
      refused: (_, reason) => panel.toasts.error(reason),
    });
    panel.onCleanup(() => this.outbox.close());
    this.whatIf = new WhatIf(panel, pictures, () => this.classes, (item) => this.look(item), (tried) => this.drawing?.tried(tried), (classAt) => this.drawing.play(classAt));
    this.drawing = new Drawing(panel.items, pictures, config.proposed, (item) => this.look(item), standing, (item, node, weight) => this.whatIf.cursor(item, node, weight));
    this.why = new Why(panel.items, pictures, config.proposed, (item) => this.look(item), (path) => this.drawing.highlight(path));
    this.checks = new Checks(panel, pictures, () => this.classes, (item) => this.look(item));
    this.flips = new Flips(panel, pictures, config.proposed, () => this.classes, (wishes) => this.whatIf.wishes(wishes));
    this.picker = new Picker(panel, config.orders, pictures, (item) => this.look(item), standing, () => this.classes);
    this.palette = new ClassPalette({ keys: CLASS_KEYS, onPick: (position) => this.press({ kind: "class", position }) });
    this.finder = new ClassFinder(() => this.classes, (position) => this.press({ kind: "class", position }), (name) => this.addClass(name), () => this.drawing.focus());
    this.back = h("button", { class: "lnb-button", type: "button", disabled: true, "aria-keyshortcuts": "Escape", onclick: () => this.goBack() }, "Back", h("span", { class: "lnb-key", "aria-hidden": "true" }, "esc"));
    this.build();
  }

  async open(): Promise<void> {
    const { panel } = this;
    const changed = () => { if (!this.going && panel.model.get("item") !== this.ego?.item) void this.go("ego", {}); };
    panel.model.on("change:item", changed);
    panel.onCleanup(() => panel.model.off("change:item", changed));
    let revision = -1;
    panel.onState((state) => {
      if (state.classes.join("\n") !== this.classes.join("\n") || !this.classes.length) {
        this.classes = state.classes;
        this.palette.update(state.classes.slice(0, 60));
        if (this.ego) this.draw(this.ego);
      }
      this.progress.set(state.n_known, state.n_items);
      if (revision >= 0 && state.revision !== revision) void this.refresh();
      revision = state.revision;
    });
    if (!panel.state.n_items) {
      panel.body.replaceChildren(drawnState("No items", "There is nothing in this session to look at."));
      return;
    }
    panel.onCleanup(panel.channel.on("result", () => void this.renew()));
    await Promise.all([this.go("ego", {}), this.picker.load()]);
    if (panel.config.can_edit) await this.whatIf.start();
  }

  keys(): KeyTable {
    const table: KeyTable = {
      " ": () => this.press({ kind: "accept" }), x: () => this.press({ kind: "not" }), "?": () => this.press({ kind: "unsure" }), "0": () => this.press({ kind: "outside" }),
      o: () => this.press({ kind: "outside" }), Backspace: () => this.press({ kind: "clear" }), Delete: () => this.press({ kind: "clear" }), u: () => this.takeBack(false),
      r: () => this.takeBack(true), "Shift+u": () => this.takeBack(true), PageDown: () => void this.picker.step(1), PageUp: () => void this.picker.step(-1), Escape: () => this.goBack(),
      "/": () => this.finder.focus(), n: () => this.finder.focus(), "Shift+l": () => this.picker.field.focus(),
      ...(this.panel.config.can_edit ? { ...this.whatIf.keys(), "Shift+w": () => void this.flips.ask(), "Shift+d": () => this.checks.toggle.click() } : {}),
      h: () => { this.wholeLegend = !this.wholeLegend; this.drawLegend(); },
    };
    for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home"]) table[key] = () => this.drawing.arrow(key);
    this.classes.slice(0, CLASS_KEYS.length).forEach((_, position) => { table[CLASS_KEYS[position]] = () => this.press({ kind: "class", position }); });
    // Space accepts even where the cursor is on a node, which is a button: Enter presses it.
    return table;
  }

  // Building ------------------------------------------------------------------------------------------------------------

  private build(): void {
    const { panel } = this;
    const answer = (what: string, key: string, wanted: Wanted) =>
      h("button", { class: "lnb-button", type: "button", "aria-keyshortcuts": key === "space" ? "Space" : key, onclick: () => this.press(wanted) }, what, h("span", { class: "lnb-key", "aria-hidden": "true" }, key));
    panel.head.append(h("h2", { class: "lnb-title lnb-graph-title", dir: "auto" }, panel.config.title), this.progress.element, ...(panel.config.can_edit ? [this.whatIf.toggle, ...(panel.config.has_system ? [this.checks.toggle] : [])] : []), this.back);
    panel.body.before(h("div", { class: "lnb-graph-answers" }, this.palette.element, this.finder.element,
      h("div", { class: "lnb-graph-other", role: "group", "aria-label": "Other answers" }, answer("Accept", "space", { kind: "accept" }), answer("Not this", "x", { kind: "not" }), answer("Unsure", "?", { kind: "unsure" }), answer("Not in list", "0", { kind: "outside" }))));
    const warnings: string[] = panel.config.warnings ?? [];
    this.middle.append(this.drawing.element);
    const column = h("div", { class: "lnb-graph-middle" }, this.middle, ...(panel.config.can_edit ? [this.whatIf.bar] : []));
    panel.body.append(...(warnings.length ? [h("p", { class: "lnb-quiet", role: "note", dir: "auto" }, warnings.join(" "))] : []),
      h("div", { class: "lnb-graph-parts" }, this.picker.element, column, this.why.element, this.whatIf.element, this.checks.element));
    this.why.element.append(this.flips.element);
    panel.foot.append(this.undoBar.element, this.save.element, panel.status.element, this.legend);
    this.drawLegend();
    const resized = new ResizeObserver(() => this.drawing.layOut());
    resized.observe(this.drawing.element);
    panel.onCleanup(() => resized.disconnect());
    // A space on a node would press the button; here it is the key that accepts.
    this.drawing.element.addEventListener("keydown", (event) => {
      if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      this.press({ kind: "accept" });
    });
    this.drawing.element.addEventListener("keyup", (event) => { if (event.key === " ") event.preventDefault(); });
  }

  private drawLegend(): void {
    fill(this.legend, keyLegend([...LEGEND, ...(this.wholeLegend ? MORE : [])].map(([key, what]) => [key, what])));
  }

  // The item in view ----------------------------------------------------------------------------------------------------

  private look(item: number): void {
    if (item !== this.ego?.item) void this.go("focus", { item });
    else this.drawing.focus();
  }

  private goBack(): void {
    if (this.ego?.can_go_back) void this.go("back", {});
    else this.panel.status.set("There is no item to go back to.");
  }

  private async go(kind: string, wishes: Record<string, unknown>, quiet = false): Promise<void> {
    const held = this.panel.frame.contains(focusedIn(this.panel.frame));
    this.going++;
    this.middle.toggleAttribute("data-busy", true);
    try {
      await this.panel.attempt(async () => {
        const { content } = await this.panel.channel.request(kind, { ...wishes, ...this.drawing.room });
        if (this.going > 1) return;       // a later one is on its way
        this.draw(content as unknown as Ego);
        if (!quiet) this.panel.status.set(`${content.name}: ${content.label ?? "no proposal"}.`);
        if (held) this.drawing.focus();
      });
    } finally {
      this.going--;
      this.middle.toggleAttribute("data-busy", this.going > 0);
    }
  }

  private draw(ego: Ego): void {
    this.ego = ego;
    this.back.disabled = !ego.can_go_back;
    this.drawing.show(ego, this.classes);
    this.drawing.highlight(-1);
    this.flips.show(ego.item, this.panel.config.can_edit === true && this.panel.config.has_system === true && ego.label !== null);
    this.why.show(ego, this.classes, this.panel.config.has_graph === true);
    this.picker.current(ego.item);
    this.drawStandings();
  }

  /** The proposal is another one: a change of the graph was committed, or taken back. */
  private async renew(): Promise<void> {
    this.checks.renew();
    await Promise.all([this.go("ego", {}, true), this.picker.load(), this.whatIf.renew()]);
  }

  /** Labels may have changed, from whatever side. */
  private async refresh(): Promise<void> {
    if (!this.ego) return;
    const wanted = [...new Set([...this.ego.nodes.filter(({ node }) => node >= 0).map(({ node }) => node), ...this.picker.positions])].slice(0, 200);
    await this.panel.attempt(async () => {
      const { content } = await this.panel.channel.request("standing", { positions: wanted });
      const found = new Map((content.items as Standing[]).map((item) => [item.position, item]));
      for (const node of this.ego!.nodes) Object.assign(node, found.get(node.node));
      this.picker.update(found);
      this.drawStandings();
    });
  }

  private now(item: Standing): Shown {
    const entry = this.outbox.latest(item.position);
    return shown(item, this.classes, entry && { value: valueIn(entry.payload, item.position), state: entry.state });
  }

  private drawStandings(): void {
    if (this.ego?.nodes.length) {
      this.drawing.update(this.ego.nodes, this.classes);
      this.why.standing(this.ego, this.now(this.ego.nodes[0] as Standing), this.classes);
    }
    this.picker.update(new Map());
    this.save.update(this.outbox);
    this.undoBar.set(this.panel.state.can_undo || this.outbox.size > 0, this.panel.state.can_redo);
  }

  // Decisions -----------------------------------------------------------------------------------------------------------

  private press(wanted: Wanted): void {
    const item = this.ego?.nodes[0] as Standing | undefined;
    if (!item || item.position === undefined) return;
    const decision = answers(wanted, [{ item, now: this.now(item) }], this.classes, this.panel.config.multi === true);
    if (!decision.positions.length) return this.panel.status.set(NOTHING[wanted.kind] ?? "Nothing to do here.");
    this.outbox.push("answer", message(decision), decision.positions);
  }

  private takeBack(redo: boolean): void {
    if (!redo && this.outbox.cancelLast()) return this.panel.status.set("The unsaved decision was dropped.");
    this.outbox.push("take_back", { redo });
  }

  private addClass(name: string): void {
    void this.panel.attempt(async () => {
      const { content } = await this.panel.channel.request("add_class", { name });
      if (!this.classes.includes(name)) this.classes = [...this.classes, name];
      this.press({ kind: "class", position: content.position });
    });
  }
}
