/** The head of a review: how far it is, how fast, its order and filters, and the page. */
import { fill, focusedIn, h, number, setText } from "../shared/dom";
import type { Page } from "./answers";
import { Progress } from "../shared/progress";
import { QualityLine } from "./quality";

export interface Wishes {
  order?: string;
  shown_class?: string;
  unreviewed?: boolean;
  marked?: boolean;
  page?: number;
  refresh?: boolean;
}

export class ReviewHead {
  readonly title: HTMLElement;
  readonly elements: HTMLElement[];
  readonly progress = new Progress("reviewed");
  private readonly order: HTMLSelectElement;
  private readonly only: HTMLSelectElement;
  private readonly unreviewed: HTMLButtonElement;
  private readonly marked: HTMLButtonElement;
  private readonly before: HTMLButtonElement;
  private readonly after: HTMLButtonElement;
  private readonly page: HTMLInputElement;
  private readonly pages = h("span", { class: "lnb-quiet" });
  private readonly quality = new QualityLine();
  private names: readonly string[] = [];

  constructor(title: string, orders: Record<string, string>, private readonly mixed: boolean, words: boolean, private readonly wish: (wishes: Wishes) => void) {
    this.title = h("h2", { class: "lnb-title lnb-review-title", dir: "auto" }, title);
    this.order = h("select", { class: "lnb-select", "aria-label": "Order", onchange: () => wish({ order: this.order.value }) },
      ...Object.entries(orders).map(([name, what]) => h("option", { value: name }, what)));
    this.only = h("select", { class: "lnb-select lnb-review-only", "aria-label": "Only items that show", onchange: () => wish({ shown_class: this.only.value }) });
    this.unreviewed = h("button", { class: "lnb-button", type: "button", "aria-pressed": "false", onclick: () => wish({ unreviewed: this.unreviewed.getAttribute("aria-pressed") !== "true" }) }, "Unreviewed");
    this.marked = h("button", { class: "lnb-button", type: "button", "aria-pressed": "false", title: "Mark the words that speak for the class that a text shows", onclick: () => wish({ marked: this.marked.getAttribute("aria-pressed") !== "true" }) }, "Mark words");
    const turn = (by: number) => () => wish({ page: Number(this.page.value) - 1 + by });
    this.before = h("button", { class: "lnb-button", type: "button", "aria-label": "Page before", onclick: turn(-1) }, "‹");
    this.after = h("button", { class: "lnb-button", type: "button", "aria-label": "Next page", onclick: turn(1) }, "›");
    this.page = h("input", { class: "lnb-input lnb-review-page", inputmode: "numeric", "aria-label": "Page", autocomplete: "off", onchange: () => this.typed() });
    const pager = h("div", { class: "lnb-review-pager", role: "group", "aria-label": "Pages" }, this.before, this.page, this.pages, this.after);
    this.elements = [
      this.title,
      this.progress.element,
      h("div", { class: "lnb-review-filters" }, Object.keys(orders).length > 1 && this.order, this.only, this.unreviewed, words && this.marked),
      pager,
      this.quality.element,
    ];
  }

  /** The classes to filter by. */
  setClasses(names: readonly string[]): void {
    if (names.length === this.names.length && names.every((name, k) => name === this.names[k])) return;
    this.names = [...names];
    fill(this.only, h("option", { value: "" }, "all classes"), ...names.map((name) => h("option", { value: name }, name)));
  }

  set(page: Page, order: string, only: string, unreviewed: boolean, marked: boolean): void {
    this.marked.setAttribute("aria-pressed", String(marked));
    this.stands(page);
    this.order.value = order;
    this.only.value = only;
    this.unreviewed.setAttribute("aria-pressed", String(unreviewed));
    if (focusedIn(this.page) !== this.page) this.page.value = String(page.number + 1);
    setText(this.pages, `of ${number(Math.max(page.pages, 1))}`);
    this.before.disabled = page.number <= 0;
    this.after.disabled = page.number >= page.pages - 1;
  }

  /** How far the review is, and how well it goes. */
  stands({ progress, quality }: Page): void {
    this.quality.set(quality, this.mixed);
    this.progress.set(progress.reviewed, progress.total);
  }

  private typed(): void {
    const wanted = parseInt(this.page.value, 10);
    if (Number.isFinite(wanted)) this.wish({ page: wanted - 1 });
  }
}
