/** What Python does for a board piece by piece while a person goes on: searching for names, measuring stability, asking the annotator. */
import { h, number, setText } from "../shared/dom";
import type { Panel } from "../shared/panel";
import type { BoardBar } from "./bar";
import { isGroup, type BoardPage } from "./board_types";

export class Background {
  readonly element = h("span", { class: "lnb-quiet" });
  private searching = false;
  private measuring = false;
  private refreshed = -1;
  private another = false;

  constructor(private readonly panel: Panel, private readonly bar: BoardBar, private readonly refresh: () => void) {}

  /** Lets Python search for names until it has searched for all; then the cards are asked for again. */
  async suggest(page: BoardPage): Promise<void> {
    if (this.searching) return;
    this.searching = true;
    try {
      for (let ready = false, first = true; !ready && !this.panel.closed; first = false) {
        const { content } = await this.panel.channel.request("suggest");
        ready = content.ready;
        setText(this.element, ready ? "" : `Looking for names ${number(content.done)} / ${number(content.total)}`);
        const bare = content.total > 0 && page.version !== this.refreshed && page.cards.some((info) => !isGroup(info) && !info.proposals.length);
        if (ready && (!first || bare || this.another)) {
          this.another = false;
          this.refreshed = page.version;
          this.refresh();
        }
      }
    } catch (error) {
      setText(this.element, "");
      this.panel.status.set(`No names are proposed: ${error instanceof Error ? error.message : error}`);
    }
    this.searching = false;
  }

  /** Looks for names in the bank that comes with labelnb. */
  async bank(page: BoardPage): Promise<void> {
    if (!this.panel.state.can_search_text) return this.panel.status.set("The items' encoder reads no text, so no name of a bank is near to them.");
    this.another = await this.panel.attempt(() => this.panel.channel.request("bank"));
    if (this.another) await this.suggest(page);
  }

  async measure(): Promise<void> {
    if (this.measuring || !this.panel.config.foldable) return;
    this.measuring = true;
    await this.panel.attempt(async () => {
      for (let ready = false, begin = true; !ready && !this.panel.closed; begin = false) {
        const { content } = await this.panel.channel.request("measure", { begin });
        ready = content.ready;
        this.bar.measuring({ done: content.done, total: content.total });
      }
      this.panel.status.set("Stability is measured: from .75 on a cluster is found again when the items are drawn anew.");
    });
    this.measuring = false;
    this.bar.measuring(null);
  }

  async ask(cluster: number | undefined): Promise<void> {
    if (cluster === undefined) return;
    if (!this.panel.config.annotator) return this.panel.status.set("There is no annotator to ask; give one: annotator= when the board is made.");
    this.panel.status.set(`Asking the annotator about cluster ${cluster} …`);
    await this.panel.attempt(async () => {
      const { content } = await this.panel.channel.request("ask", { cluster });
      this.panel.status.set(`The annotator says ${content.name}.`);
    });
  }
}
