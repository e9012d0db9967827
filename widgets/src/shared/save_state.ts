/** Whether all decisions are on disk: said in the foot, and loudly where they are not. */
import { h, number, setText } from "./dom";
import type { Outbox } from "./outbox";

export class SaveState {
  readonly element: HTMLElement;
  private readonly text = h("span", { dir: "auto" });
  private readonly retry: HTMLButtonElement;
  /** Said aloud only where something is wrong: all that goes well would be too much. */
  private readonly alarm = h("span", { class: "lnb-hidden", role: "alert" });

  constructor(retry: () => void) {
    this.retry = h("button", { class: "lnb-button", type: "button", hidden: true, onclick: retry }, "Try again now");
    this.element = h("div", { class: "lnb-save" }, this.text, this.retry, this.alarm);
  }

  /** True where something is unsaved. */
  update(outbox: Outbox): boolean {
    const failed = outbox.problem !== "";
    this.element.dataset.state = failed ? "unsaved" : outbox.size ? "saving" : "saved";
    this.retry.hidden = !failed;
    const n = outbox.items || outbox.size;
    setText(this.alarm, failed ? "Not saved. Decisions are kept here and sent again." : "");
    setText(this.text, failed ? `${number(n)} unsaved · ${outbox.problem} They are kept here and sent again.` : outbox.size ? `Saving ${number(n)} …` : "All saved");
    return failed;
  }
}
