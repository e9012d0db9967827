/** The review as it is on the page: one page of cards, a cursor, and decisions on their way. */
import { count, fill, focusedIn, h } from "../shared/dom";
import { keyLegend, state as drawnState, UndoBar } from "../shared/feedback";
import { ClassPalette } from "../shared/classes";
import type { KeyTable } from "../shared/keys";
import { Outbox, type Content, type Entry } from "../shared/outbox";
import type { Panel } from "../shared/panel";
import { shown, words, type Page, type ReviewItem, type Shown } from "./answers";
import { answerBar, type Bar } from "./bar";
import { acceptPage, answers, message, NOTHING, valueIn, type Decision, type Wanted } from "./decisions";
import { Either } from "./either";
import { drawEnd, emptyState, leftWords } from "./ends";
import { Closer } from "./closer";
import { fitColumns } from "./columns";
import { ClassFinder } from "../shared/finder";
import { drawGroup } from "./groups";
import { ReviewHead, type Wishes } from "./head";
import { CLASS_KEYS, LEGEND, MORE } from "./keymap";
import { between, move } from "../shared/moves";
import { PageSource } from "./page_source";
import { ReviewCard } from "./review_card";
import { SaveState } from "../shared/save_state";

const BUTTONS = 60;      // classes with a button; the others are found by name
const PATIENCE = 8_000;      // milliseconds: then a decision is shown as unsaved, and sent again
const PICTURE = 112;
const LONG = 14;      // names of classes that get two lines are longer

/** Shows the current item beside the list (Triage). */
export interface Pane {
  readonly element: HTMLElement;
  show(item: ReviewItem | undefined, now: Shown | undefined): void;
  play(): boolean;
}

export class ReviewView {
  private page: Page = { number: 0, pages: 1, total: 0, items: [], groups: [], progress: { reviewed: 0, total: 0 } };
  private cards: ReviewCard[] = [];
  private cursor = 0;
  private anchor = 0;
  private selected = new Set<number>();
  private classes: readonly string[] = [];
  private readonly pages: PageSource;
  private readonly outbox: Outbox;
  private readonly head: ReviewHead;
  private readonly palette: ClassPalette;
  private readonly finder: ClassFinder;
  private readonly save = new SaveState(() => this.outbox.retry());
  private readonly undoBar = new UndoBar(() => this.takeBack(false), () => this.takeBack(true));
  private readonly list = h("div", { class: "lnb-review-list", role: "listbox", "aria-multiselectable": "true", "aria-label": "Items" });
  private readonly closer: Closer;
  private readonly end = h("div", { class: "lnb-review-end", hidden: true });
  private readonly legend = h("div", { class: "lnb-legend" });
  private wholeLegend = false;
  private readonly bar: Bar;
  private readonly either = new Either({
    shows: () => (this.page.items[this.cursor] ? this.now(this.page.items[this.cursor]).label : null), say: (text) => this.panel.status.set(text),
    both: (first, position) => this.press({ kind: "or", position, first }), waiting: (waits) => this.bar.either.setAttribute("aria-pressed", String(waits)),
  });

  constructor(private readonly panel: Panel, private readonly pane?: Pane) {
    const { config } = panel;
    this.outbox = new Outbox({
      request: async (kind: string, payload: Content) => (await panel.channel.request(kind, payload, [], PATIENCE)).content,
      changed: () => this.drawStandings(),
      saved: (entry, answer) => this.saved(entry, answer),
      refused: (_, reason) => panel.toasts.error(reason),
    });
    panel.onCleanup(() => this.outbox.close());
    this.closer = new Closer(panel.items, () => this.look(false));
    this.pages = new PageSource(panel, (page, turned) => this.show(page, turned));
    this.head = new ReviewHead(config.title, config.orders, config.planted === true, config.words === true, (wishes) => this.wish(wishes));
    this.palette = new ClassPalette({ keys: CLASS_KEYS, onPick: (position) => this.pressClass(position) });
    this.finder = new ClassFinder(() => this.classes, (position) => this.pressClass(position), (name) => this.addClass(name), () => this.focus());
    this.bar = answerBar(this.palette.element, this.finder.element, { press: (wanted) => this.press(wanted), either: () => this.either.toggle(), acceptAll: () => this.acceptAll(), focus: () => this.focus() }, config.multi === true, !pane && config.blind !== true);
    this.build();
  }

  async open(): Promise<void> {
    this.panel.onState((state) => {
      if (state.classes.join("\n") !== this.classes.join("\n") || !this.classes.length) {
        this.classes = state.classes;
        this.palette.update(state.classes.slice(0, BUTTONS));
        this.head.setClasses(state.classes);
      }
      this.undoBar.set(state.can_undo || this.outbox.size > 0, state.can_redo);
      this.pages.refresh();
    });
    this.panel.onTrait("marked", () => { this.drawHead(); this.drawStandings(); });
    await this.pages.open();
  }

  /** The keys; asked for at each press. */
  keys(): KeyTable {
    const table: KeyTable = {
      " ": () => this.press({ kind: "accept" }),
      Enter: () => (this.pane ? this.press({ kind: "accept" }) : this.acceptAll()),
      x: () => this.press({ kind: "not" }),
      ",": () => { if (!this.panel.config.multi) this.either.toggle(); },
      "?": () => this.press({ kind: "unsure" }),
      "0": () => this.press({ kind: "outside" }),
      o: () => this.press({ kind: "outside" }),
      ".": () => this.press({ kind: "suggested" }),
      Backspace: () => this.press({ kind: "clear" }),
      Delete: () => this.press({ kind: "clear" }),
      u: () => this.takeBack(false),
      r: () => this.takeBack(true),
      "Shift+u": () => this.takeBack(true),
      PageDown: () => this.turn(this.page.number + 1),
      PageUp: () => this.turn(this.page.number - 1),
      h: () => this.toggleLegend(),
      "/": () => this.finder.focus(),
      "-": () => this.play(),
      n: () => this.finder.focus(),
      "+": () => this.look(!this.closer.open),
      "=": () => this.look(!this.closer.open),
      Escape: () => (this.either.waits ? this.either.stop() : this.closer.open ? this.look(false) : this.place(this.cursor)),
    };
    for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]) {
      table[key] = () => this.arrow(key, false);
      table[`Shift+${key}`] = () => this.arrow(key, true);
    }
    this.classes.slice(0, CLASS_KEYS.length).forEach((_, position) => { table[CLASS_KEYS[position]] = () => this.pressClass(position); });
    return table;
  }

  // Building ------------------------------------------------------------------------------------------------------------

  private build(): void {
    const { panel } = this;
    panel.head.append(...this.head.elements);
    panel.body.before(this.bar.element);
    if (panel.config.warnings?.length) panel.body.append(h("p", { class: "lnb-quiet", role: "note", dir: "auto" }, panel.config.warnings.join(" ")));
    this.list.append(drawnState("Loading items"));
    if (this.pane) panel.body.append(h("div", { class: "lnb-triage-parts" }, h("div", { class: "lnb-triage-queue" }, this.list, this.end), this.pane.element));
    else panel.body.append(this.list, this.end);
    panel.frame.append(this.closer.element);
    panel.foot.append(this.undoBar.element, this.save.element, panel.status.element, this.legend);
    this.drawLegend();
    const resized = new ResizeObserver(() => this.fit());
    resized.observe(this.list);
    panel.onCleanup(() => resized.disconnect());
    this.list.addEventListener("pointerdown", (event) => this.pointed(event));
    this.list.addEventListener("dblclick", () => this.look(true));
    this.list.addEventListener("focusin", (event) => {
      const at = this.cards.findIndex((card) => card.element === event.target);
      if (at >= 0 && at !== this.cursor) this.place(at);
    });
  }

  private fit(): void {
    fitColumns(this.list, this.page.items.some(({ reason }) => reason));
  }

  private drawLegend(): void {
    fill(this.legend, keyLegend([...(this.pane ? LEGEND.filter(([key]) => key !== "enter") : LEGEND), ...(this.wholeLegend ? MORE : [])].map(([key, what]) => [key, what])));
  }

  private play(): void {
    if (!(this.pane ?? this.cards[this.cursor])?.play()) this.panel.status.set("There is nothing to play here.");
  }

  private toggleLegend(): void {
    this.wholeLegend = !this.wholeLegend;
    this.drawLegend();
  }

  // Pages ---------------------------------------------------------------------------------------------------------------

  private wish(wishes: Wishes): void {
    if (wishes.page !== undefined) this.turn(wishes.page);
    else void this.panel.attempt(() => this.pages.ask(wishes as Record<string, unknown>, wishes.marked !== undefined));
  }

  /** The same from a button that goes away with what it asks for: the keys then belong to the first card. */
  private async wishAndFocus(wishes: Wishes): Promise<void> {
    this.panel.frame.focus({ preventScroll: true });
    if (await this.panel.attempt(() => this.pages.ask(wishes as Record<string, unknown>))) this.focus();
  }

  private turn(number: number): void {
    if (number < 0) return this.panel.status.set("This is the first page.");
    if (number >= this.page.pages) return this.panel.status.set(`This is the last page. ${leftWords(this.page)}`);
    void this.panel.attempt(() => this.pages.turn(number));
  }

  /** Draws `page`; `turned` where it is another page than before, or other items. */
  private show(page: Page, turned: boolean): void {
    const fresh = turned || page.items.length !== this.page.items.length || page.items.some((item, i) => item.position !== this.page.items[i].position);
    const held = this.list.contains(focusedIn(this.list));
    this.page = page;
    if (fresh) {
      this.drawCards();
      this.cursor = this.anchor = 0;
      this.selected.clear();
      if (page.items.length) this.place(0, held);
      if (turned) this.panel.status.set(`Page ${page.number + 1} of ${Math.max(page.pages, 1)}, ${count(page.items.length, "item")}.`);
    }
    this.drawHead();
    this.drawStandings();
    this.drawEnd();
  }

  private drawHead(): void {
    const { model } = this.panel;
    this.panel.items.marks.on = this.panel.config.words === true && model.get("marked") === true;
    this.head.set(this.page, model.get("order"), model.get("shown_class"), model.get("unreviewed"), model.get("marked"));
  }

  private drawCards(): void {
    const { model } = this.panel;
    const pictures = ["image", "audio", "clip"].includes(this.panel.state.modality);
    this.cards = this.page.items.map((item) => {
      const card = new ReviewCard(this.panel.items, PICTURE, pictures, this.page.groups.length === 1 && this.page.groups[0].class === null, this.panel.config.none);
      card.show(item);
      return card;
    });
    const groups = this.page.groups.map((group) => drawGroup(group, this.classes, this.cards.map((card) => card.element), this.panel.config.none));
    if (groups.length) fill(this.list, ...groups);
    else fill(this.list, emptyState(this.page, model.get("shown_class"), model.get("unreviewed"), () => void this.wishAndFocus({ shown_class: "", unreviewed: false })));
    this.list.setAttribute("role", groups.length ? "listbox" : "note");
    this.list.ariaMultiSelectable = groups.length ? "true" : null;
    this.list.toggleAttribute("data-texts", !pictures);
    this.fit();
    this.list.toggleAttribute("data-long", this.classes.some((name) => name.length > LONG));
  }

  private drawEnd(): void {
    drawEnd(this.end, this.page, () => void this.wishAndFocus({ unreviewed: true, refresh: true }));
  }

  // The cursor ----------------------------------------------------------------------------------------------------------

  private focus(): void {
    (this.cards[this.cursor]?.element ?? this.panel.frame).focus({ preventScroll: true });
  }

  /** Puts the cursor on one card, which alone is selected. */
  private place(at: number, focus = true): void {
    this.cursor = this.anchor = Math.max(0, Math.min(at, this.cards.length - 1));
    this.selected = new Set([this.cursor]);
    this.drawCursor(focus);
  }

  private drawCursor(focus: boolean): void {
    const several = this.selected.size > 1;
    this.cards.forEach((card, i) => card.select(several ? this.selected.has(i) : i === this.cursor, i === this.cursor));
    const current = this.cards[this.cursor]?.element;
    if (this.closer.open) this.look(true);
    this.showPane();
    if (!focus || !current) return;
    current.focus({ preventScroll: true });
    current.scrollIntoView({ block: "nearest" });
  }

  /** Shows the current item large, or closes that view. */
  private look(open: boolean): void {
    const item = this.page.items[this.cursor];
    if (!open || !item) {
      this.closer.hide();
      return this.focus();
    }
    void this.panel.attempt(() => this.closer.show(item.position, this.cards[this.cursor].element, this.panel.frame, this.classAt(item)));
  }

  private arrow(key: string, extend: boolean): void {
    if (!this.cards.length) return;
    const rects = this.cards.map(({ element }) => ({ left: element.offsetLeft, top: element.offsetTop, width: element.offsetWidth, height: element.offsetHeight }));
    const to = move(rects, this.cursor, key, getComputedStyle(this.list).direction === "rtl");
    if (to < 0) return;
    this.cursor = to;
    if (!extend) this.anchor = to;
    this.selected = new Set(between(this.anchor, to));
    this.drawCursor(true);
  }

  private pointed(event: MouseEvent): void {
    const at = this.cards.findIndex((card) => card.element.contains(event.target as Node));
    if (at < 0 || event.button !== 0) return;
    event.preventDefault();
    if (event.shiftKey) this.selected = new Set(between(this.anchor, (this.cursor = at)));
    else if (event.ctrlKey || event.metaKey) {
      if (!this.selected.delete(at)) this.selected.add(at);
      if (!this.selected.size) this.selected.add(at);
      this.cursor = this.anchor = at;
    } else return this.place(at);
    this.drawCursor(true);
  }

  // Decisions -----------------------------------------------------------------------------------------------------------

  private now(item: ReviewItem): Shown {
    const entry = this.outbox.latest(item.position);
    return shown(item, this.classes, entry && { value: valueIn(entry.payload, item.position), state: entry.state });
  }

  /** Position of the class that an item shows, -1 where it shows none. */
  private classAt(item: ReviewItem): number {
    const { label } = this.now(item);
    return label?.kind === "class" ? this.classes.indexOf(label.classes[0]) : -1;
  }

  private showPane(item = this.page.items[this.cursor]): void {
    this.pane?.show(item, item && this.now(item));
  }

  private pressClass(position: number): void {
    if (!this.either.take(position, this.classes[position])) this.press({ kind: "class", position });
  }

  private press(wanted: Wanted): void {
    const chosen = [...(this.selected.size ? this.selected : [this.cursor])].filter((i) => i < this.page.items.length).sort((a, b) => a - b);
    if (!chosen.length) return;
    const items = chosen.map((i) => ({ item: this.page.items[i], now: this.now(this.page.items[i]) }));
    const decision = answers(wanted, items, this.classes, this.panel.config.multi === true);
    if (!decision.positions.length) return this.panel.status.set(NOTHING[wanted.kind] ?? "Nothing to do here.");
    this.send(decision);
    // With several classes an item, one key is seldom the last; without, the next item is wanted.
    if (wanted.kind === "class" && this.panel.config.multi) return;
    if (wanted.kind !== "clear") this.place(Math.min(chosen[chosen.length - 1] + 1, this.cards.length - 1), this.list.contains(focusedIn(this.list)) || focusedIn(this.list) === this.panel.frame);
  }

  private acceptAll(): void {
    const decision = acceptPage(this.page.items.map((item) => ({ item, now: this.now(item) })));
    if (decision.positions.length) this.send(decision);
    const last = this.page.number >= this.page.pages - 1;
    if (!last) this.turn(this.page.number + 1);
    else if (!decision.positions.length) this.panel.status.set(`This is the last page. ${leftWords(this.page)}`);
    if (decision.left) this.panel.toasts.say(`${count(decision.left, "item")} of that page ${decision.left === 1 ? "has" : "have"} nothing proposed and ${decision.left === 1 ? "is" : "are"} left as ${decision.left === 1 ? "it is" : "they are"}.`);
  }

  private send(decision: Decision): void {
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

  /** Python has kept a decision. */
  private saved(entry: Entry, answer: Content): void {
    if (answer.progress) this.page.progress = answer.progress;
    if (entry.kind === "answer") {
      this.head.progress.worked(entry.positions.length);
      // Until the page comes anew, the items show what was kept.
      for (const item of this.page.items) {
        if (!entry.positions.includes(item.position)) continue;
        const now = shown(item, this.classes, { value: valueIn(entry.payload, item.position), state: "waiting" });
        item.label = valueIn(entry.payload, item.position) === null ? null : now.label;
        item.reviewed = item.label !== null;
        if (entry.positions.length === 1) this.panel.status.set(`Kept: ${words(item.label, "no label")}.`);
      }
    } else this.tookBack(entry.payload.redo === true, answer);
    if (answer.quality) this.page.quality = answer.quality;
    this.head.stands(this.page);
    this.drawEnd();
    this.pages.refresh();
  }

  private tookBack(redo: boolean, answer: Content): void {
    this.panel.status.set(`${redo ? "Brought back" : "Took back"} ${count(answer.n_changed, "item")}.`);
    const changed: number[] = answer.changed ?? [];
    const here = this.page.items.findIndex((item) => changed.includes(item.position));
    if (here >= 0) this.place(here, this.panel.frame.contains(focusedIn(this.list)));
    else if (answer.page !== null && answer.page !== this.page.number) {
      void this.panel.attempt(async () => {
        await this.pages.turn(answer.page);
        const at = this.page.items.findIndex((item) => changed.includes(item.position));
        if (at >= 0) this.place(at, this.panel.frame.contains(focusedIn(this.list)));
      });
    }
  }

  private drawStandings(): void {
    this.page.items.forEach((item, i) => this.cards[i]?.update(item, this.now(item), this.classes, `${i + 1} of ${this.page.items.length}`));
    this.showPane();
    const failed = this.save.update(this.outbox);
    if (failed) this.panel.status.set("");
    this.undoBar.set(this.panel.state.can_undo || this.outbox.size > 0, this.panel.state.can_redo);
  }

  /** The current item in words, for tests and screen readers. */
  get current(): string {
    const item = this.page.items[this.cursor];
    return item ? words(this.now(item).label) : "";
  }
}
