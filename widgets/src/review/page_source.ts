/** Pages of a review: turned at once where the next one is fetched already, and always as Python has it in the end. */
import type { Panel } from "../shared/panel";
import type { Page } from "./answers";

const TRAITS = ["page", "order", "shown_class", "unreviewed", "listing"];

export class PageSource {
  private number = 0;
  private readonly ahead = new Map<number, Page>();
  /** Requests of ours that change what is in view: until they are answered, Python's traits may be those of an earlier one. */
  private turning = 0;
  private refreshing = false;
  private stale = false;
  private opened = false;
  private following = false;

  constructor(private readonly panel: Panel, private readonly show: (page: Page, turned: boolean) => void) {
    for (const trait of TRAITS) {
      const changed = () => this.changed(trait);
      panel.model.on(`change:${trait}`, changed);
      panel.onCleanup(() => panel.model.off(`change:${trait}`, changed));
    }
  }

  async open(): Promise<void> {
    const { model, first, items } = this.panel;
    const fresh = first !== undefined && first.listing === model.get("listing") && first.page.number === model.get("page");
    if (fresh) items.prime(first.items);
    const page = (fresh ? first.page : (await this.panel.channel.request("page", {})).content) as Page;
    this.opened = true;
    this.number = page.number;
    this.show(page, true);
    this.lookAhead(page);
  }

  /** Turns to a page, at once where it is known. */
  async turn(number: number): Promise<void> {
    const known = this.ahead.get(number);
    this.number = number;
    if (known) this.show(known, true);
    await this.ask({ page: number }, known !== undefined);
  }

  /** Changes order, filters or page in Python, for every view of this widget. */
  async ask(wishes: Record<string, unknown>, drawn = false): Promise<void> {
    if (!("page" in wishes)) this.ahead.clear();
    this.turning++;
    try {
      const { content } = await this.panel.channel.request("turn", wishes);
      if (this.turning > 1) return;      // a later request of ours is on its way, and its answer is the one that counts
      const page = content as unknown as Page;
      const turned = !drawn || page.number !== this.number;
      this.number = page.number;
      this.show(page, turned);
      this.lookAhead(page);
    } finally {
      this.turning--;
    }
  }

  /** Fetches the page in view anew: labels may have changed, from whatever side. Calls that come meanwhile are taken together. */
  refresh(): void {
    if (!this.opened) return;
    this.stale = true;
    if (!this.refreshing) void this.panel.attempt(() => this.fetchAnew());
  }

  private async fetchAnew(): Promise<void> {
    this.refreshing = true;
    try {
      while (this.stale && !this.panel.closed) {
        this.stale = false;
        const number = this.number;
        const { content } = await this.panel.channel.request("page", { number });
        if (number !== this.number || this.turning) continue;
        this.show(content as unknown as Page, false);
        if (!this.stale) this.lookAhead(content as unknown as Page);
      }
    } finally {
      this.refreshing = false;
    }
  }

  /** A trait changed in Python: another view of this widget, or a call from a cell. Several at once are taken together. */
  private changed(trait: string): void {
    if (!this.opened || this.turning || (trait === "page" && this.panel.model.get("page") === this.number)) return;
    this.ahead.clear();
    if (this.following) return;
    this.following = true;
    void this.panel.attempt(async () => {
      await Promise.resolve();
      const { content } = await this.panel.channel.request("page", {}).finally(() => (this.following = false));
      if (this.turning) return;
      this.number = content.number;
      this.show(content as unknown as Page, true);
      this.lookAhead(content as unknown as Page);
    });
  }

  /** Fetches the next page and its pictures, so that turning to it takes no time. */
  private lookAhead(page: Page): void {
    const next = page.number + 1;
    if (next >= page.pages || this.ahead.has(next)) return;
    void this.panel.channel.request("page", { number: next }).then(({ content }) => {
      if (this.panel.closed) return;
      this.ahead.set(next, content as unknown as Page);
      for (const { position } of (content as unknown as Page).items) void this.panel.items.get(position, 112).catch(() => undefined);
    }, () => undefined);
  }
}
