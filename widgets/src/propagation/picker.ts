/** The list of items to choose from, in an order or as found by text. */
import { fill, h, number, setText } from "../shared/dom";
import type { Panel } from "../shared/panel";
import { classColour } from "../shared/palette";
import { SmallItem } from "../shared/small_item";
import { words, type Shown } from "../review/answers";
import type { Standing } from "./ego";

const STEP = 40;

export class Picker {
  readonly element: HTMLElement;
  readonly field: HTMLInputElement;
  private readonly order: HTMLSelectElement;
  private readonly list = h("div", { class: "lnb-pick-list", role: "group", "aria-label": "Items" });
  private readonly more: HTMLButtonElement;
  private items: Standing[] = [];
  private buttons: HTMLButtonElement[] = [];
  private total = 0;
  private item = -1;
  private asked = 0;

  constructor(private readonly panel: Panel, orders: Record<string, string>, private readonly pictures: boolean, private readonly onPick: (item: number) => void, private readonly standing: (item: Standing) => Shown, private readonly classes: () => readonly string[]) {
    this.field = h("input", { class: "lnb-input", type: "search", placeholder: "Search", title: panel.state.can_search_text ? "By text or id" : "By id", "aria-label": "Search items", autocomplete: "off", dir: "auto", onchange: () => void this.load(), oninput: () => { if (!this.field.value) void this.load(); } });
    this.order = h("select", { class: "lnb-select", "aria-label": "Order", onchange: () => { this.field.value = ""; void this.load(); } }, ...Object.entries(orders).map(([name, what]) => h("option", { value: name }, what)));
    this.more = h("button", { class: "lnb-button lnb-pick-more", type: "button", hidden: true, onclick: () => void this.load(true) }, "More");
    this.element = h("section", { class: "lnb-pick", "aria-label": "Choose an item" }, this.field, this.order, this.list);
  }

  async load(further = false): Promise<void> {
    const mine = ++this.asked;
    await this.panel.attempt(async () => {
      const { content } = await this.panel.channel.request("list", { order: this.order.value, query: this.field.value, start: further ? this.items.length : 0, count: STEP });
      if (mine !== this.asked) return;
      this.total = content.total;
      this.items = further ? [...this.items, ...content.items] : content.items;
      this.draw(further ? this.buttons.length : 0);
    });
  }

  /** The item beside the one in view, `by` steps further; it is loaded where it must be. */
  async step(by: number): Promise<void> {
    const at = this.items.findIndex(({ position }) => position === this.item);
    const to = at < 0 ? 0 : at + by;
    if (to < 0) return this.panel.status.set("This is the first item of the list.");
    if (to >= this.items.length && this.items.length < this.total) await this.load(true);
    if (to >= this.items.length) return this.panel.status.set("This is the last item of the list.");
    this.onPick(this.items[to].position);
  }

  get positions(): number[] {
    return this.items.map(({ position }) => position);
  }

  current(item: number): void {
    this.item = item;
    this.items.forEach(({ position }, i) => {
      const on = position === item;
      this.buttons[i].setAttribute("aria-current", String(on));
      if (on) reveal(this.list, this.buttons[i]);
    });
  }

  update(found: ReadonlyMap<number, Standing>): void {
    this.items.forEach((item, i) => {
      Object.assign(item, found.get(item.position));
      this.describe(item, this.buttons[i]);
    });
  }

  private draw(from: number): void {
    if (!from) this.list.replaceChildren();
    this.more.remove();
    this.buttons.length = from;
    for (const item of this.items.slice(from)) {
      const picture = new SmallItem(this.panel.items, item.position, this.pictures ? 88 : 16);
      const button = h("button", { class: "lnb-pick-item", type: "button", onclick: () => this.onPick(item.position) }, picture.element, h("span", { class: "lnb-pick-mark", "aria-hidden": "true" }));
      picture.onText(() => { button.dataset.text = picture.text.slice(0, 120); this.describe(item, button); });
      this.buttons.push(button);
      this.list.append(button);
      this.describe(item, button);
    }
    if (!this.items.length) fill(this.list, h("p", { class: "lnb-quiet" }, this.field.value ? "No item fits this." : "There are no items."));
    const left = this.total - this.items.length;
    this.more.hidden = left <= 0;
    setText(this.more, `${number(left)} more`);
    this.list.append(this.more);
    this.current(this.item);
  }

  private describe(item: Standing, button: HTMLButtonElement): void {
    const now = this.standing(item);
    const position = now.label?.kind === "class" ? this.classes().indexOf(now.label.classes[0]) : -1;
    button.style.setProperty("--lnb-colour", position >= 0 ? classColour(position) : "var(--lnb-neutral)");
    button.dataset.standing = now.standing;
    setText(button.lastElementChild!, now.standing === "kept" ? "✓" : now.standing === "unsaved" ? "!" : "");
    const says = `${words(now.label)}, ${now.standing === "open" ? "proposed" : now.standing}`;
    button.setAttribute("aria-label", `${button.dataset.text ?? `Item ${item.position}`}: ${says}`);
    button.title = `${button.dataset.text ?? ""}\n${says}`;
  }
}

/** Scrolls the list, and only the list, so that `child` is in sight. */
function reveal(list: HTMLElement, child: HTMLElement): void {
  const [outer, inner] = [list.getBoundingClientRect(), child.getBoundingClientRect()];
  if (inner.top < outer.top) list.scrollTop -= outer.top - inner.top;
  else if (inner.bottom > outer.bottom) list.scrollTop += inner.bottom - outer.bottom;
  if (inner.left < outer.left) list.scrollLeft -= outer.left - inner.left;
  else if (inner.right > outer.right) list.scrollLeft += inner.right - outer.right;
}
