/** How far the work is and how fast it goes: a bar, words, items a minute. One for all widgets. */
import { h, number, setText } from "./dom";
import { Speed } from "./speed";

export class Progress {
  private readonly bar = h("div", { style: "width:0" });
  private readonly meter: HTMLElement;
  private readonly words = h("span", { class: "lnb-progress-words" });
  private readonly pace = h("span", { class: "lnb-quiet" });
  private readonly speed = new Speed();
  readonly element: HTMLElement;

  /** `what` is what becomes of the items: "reviewed", "labelled". */
  constructor(private readonly what: string, label = what[0].toUpperCase() + what.slice(1)) {
    this.meter = h("div", { class: "lnb-progress-meter", role: "progressbar", "aria-label": label, "aria-valuemin": 0 }, this.bar);
    this.element = h("div", { class: "lnb-progress" }, this.meter, this.words, this.pace);
  }

  /** `words` say more than the numbers, where there is more to say. */
  set(done: number, total: number, words = `${number(done)} / ${number(total)} ${this.what}`): void {
    this.meter.setAttribute("aria-valuemax", String(total));
    this.meter.setAttribute("aria-valuenow", String(done));
    this.meter.setAttribute("aria-valuetext", words.replaceAll(" / ", " of "));
    this.bar.style.width = `${total ? (100 * done) / total : 0}%`;
    setText(this.words, words);
    this.drawPace();
  }

  /** Items were decided just now. */
  worked(items: number): void {
    this.speed.add(items, performance.now());
    this.drawPace();
  }

  private drawPace(): void {
    const perMinute = this.speed.perMinute();
    setText(this.pace, perMinute === null ? "" : `${number(perMinute)} a minute`);
  }
}
