/** The item in question: large, with why it is here, what it is called now, and what it might be instead. */
import type { Pane } from "../review/view";
import { sure, words, type ReviewItem, type Shown } from "../review/answers";
import { swatch } from "../shared/classes";
import { fill, h, setText } from "../shared/dom";
import type { Item } from "../shared/items";
import { showText } from "../shared/marks";
import { Player } from "../shared/player";
import type { Panel } from "../shared/panel";

const SIZE = 440;
const SAYS = { open: "not reviewed yet", waiting: "being saved", unsaved: "unsaved", kept: "kept" } as const;

export class TriagePane implements Pane {
  private readonly picture = h("div", { class: "lnb-triage-picture", hidden: true });
  private readonly text = h("div", { class: "lnb-triage-text", dir: "auto", tabindex: 0 });
  private readonly id = h("div", { class: "lnb-closer-id", dir: "auto" });
  private readonly reason = h("p", { class: "lnb-triage-reason", dir: "auto" });
  private readonly now = h("dl", { class: "lnb-triage-facts" });
  readonly element = h("section", { class: "lnb-triage-pane", "aria-label": "Item in question", "aria-live": "off" }, this.reason, this.picture, this.text, this.now, this.id);
  private position = -1;
  private code = -1;
  private shown: Item | undefined;

  private readonly player: Player;

  constructor(private readonly panel: Panel) {
    this.player = new Player(panel.items);
    panel.onCleanup(() => this.player.stop());
  }

  /** Plays or pauses a recording or clip; false where the item is neither. */
  play(): boolean {
    const can = this.shown?.media !== undefined && this.shown.problem === null;
    if (can) void this.player.toggle();
    return can;
  }

  show(item: ReviewItem | undefined, now: Shown | undefined): void {
    this.element.hidden = !item;
    if (!item || !now) return;
    const { classes } = this.panel.state;
    setText(this.reason, item.reason || "No reason is given.");
    const position = now.label?.kind === "class" ? classes.indexOf(now.label.classes[0]) : -1;
    const suggested = item.suggested >= 0 && item.suggested !== position ? classes[item.suggested] : undefined;
    fill(this.now,
      h("dt", {}, "Label"), h("dd", {}, swatch(position), h("strong", { dir: "auto" }, words(now.label) === "nothing proposed" ? "none" : words(now.label)), h("span", { class: "lnb-quiet" }, SAYS[now.standing])),
      suggested !== undefined && h("dt", {}, "Suggested"), suggested !== undefined && h("dd", {}, swatch(item.suggested), h("strong", { dir: "auto" }, suggested), h("span", { class: "lnb-key" }, ".")),
      item.score !== undefined && item.score !== null && h("dt", {}, "Score"), item.score !== undefined && item.score !== null && h("dd", {}, String(item.score)),
      item.confidence !== null && h("dt", {}, "Sure"), item.confidence !== null && h("dd", {}, sure(item.confidence)));
    this.code = position;
    if (item.position !== this.position) void this.load(item.position);
    else if (this.shown) this.write(this.shown);
  }

  private write(item: Item): void {
    showText(this.text, item.problem ?? item.text, item.problem === null ? this.panel.items.marks : undefined, item.position, this.code);
  }

  private async load(position: number): Promise<void> {
    this.position = position;
    this.shown = undefined;
    this.player.stop();
    try {
      const item = await this.panel.items.get(position, SIZE);
      if (this.position !== position) return;
      setText(this.id, item.id);
      this.picture.hidden = item.url === null;
      if (item.media && item.problem === null) {
        this.picture.hidden = false;
        this.player.show(item);
        fill(this.picture, this.player.element);
      } else if (item.url) fill(this.picture, h("img", { src: item.url, alt: item.text || item.id, draggable: "false" }));
      this.text.hidden = item.url !== null && (item.text === "" || item.text === item.id) && item.problem === null;
      this.text.classList.toggle("lnb-card-problem", item.problem !== null);
      this.shown = item;
      this.write(item);
      this.text.scrollTop = 0;
    } catch (error) {
      if (this.position === position) this.position = -1;
      this.picture.hidden = true;
      showText(this.text, error instanceof Error ? error.message : String(error));
    }
  }
}
