/** The propagation played: rounds one by one, by slider, or running. Frames are asked for a few at a time. */
import { array } from "../shared/channel";
import { count, h, number, setText } from "../shared/dom";
import type { Panel } from "../shared/panel";
import { unpacked } from "./tried";

type Frame = { classes: Int16Array; sure: Uint8Array };

const AT_ONCE = 6;
const PAUSE = 650;

export class Player {
  readonly element: HTMLElement;
  private frames: Frame[] = [];
  private rounds: number[] = [];
  private reached: number[] = [];
  private distance: number[] = [];
  private at = -1;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asked = 0;
  private readonly slider: HTMLInputElement;
  private readonly button: HTMLButtonElement;
  private readonly word = h("span", {}, "Play");
  private readonly text = h("span", { class: "lnb-play-text", role: "status", "aria-live": "polite" });
  private readonly still = window.matchMedia?.("(prefers-reduced-motion: reduce)").matches ?? false;

  constructor(private readonly panel: Panel, private readonly onFrame: (frame: Frame | null) => void) {
    const key = (name: string) => h("span", { class: "lnb-key", "aria-hidden": "true" }, name);
    this.button = h("button", { class: "lnb-button", type: "button", hidden: this.still, "aria-keyshortcuts": "Shift+p", onclick: () => void this.toggle() }, this.word, key("P"));
    this.slider = h("input", { class: "lnb-play-slider", type: "range", min: 0, max: 0, step: 1, value: 0, disabled: true, "aria-label": "Round of the propagation", oninput: () => { this.stop(); void this.go(Number(this.slider.value)); } });
    this.element = h("div", { class: "lnb-play", role: "group", "aria-label": "Play the propagation" },
      this.button,
      h("button", { class: "lnb-button", type: "button", "aria-keyshortcuts": ".", onclick: () => void this.step(1) }, "Step", key(".")),
      h("button", { class: "lnb-button", type: "button", onclick: () => { this.stop(); void this.go(0); } }, "Start over"),
      this.slider, this.text);
    setText(this.text, this.still ? "Labels travel along the graph: step through the rounds." : "Labels travel along the graph, round by round.");
    panel.onCleanup(() => this.stop());
  }

  get playing(): boolean {
    return this.timer !== undefined;
  }

  /** Whether a round is shown in place of the proposal. */
  get open(): boolean {
    return this.at >= 0;
  }

  async toggle(): Promise<void> {
    if (this.still) return this.step(1);
    if (this.playing) return this.stop();
    if (!(await this.load(0))) return;
    const from = this.at >= this.rounds.length - 1 || this.at < 0 ? 0 : this.at;
    setText(this.word, "Pause");
    this.button.setAttribute("aria-pressed", "true");
    const tick = async (at: number): Promise<void> => {
      await this.go(at);
      if (this.timer === undefined) return;
      if (at + 1 >= this.rounds.length) return this.stop();
      this.timer = setTimeout(() => void tick(at + 1), PAUSE);
    };
    this.timer = setTimeout(() => void tick(from), 0);
  }

  async step(by: number): Promise<void> {
    this.stop();
    if (await this.load(0)) await this.go(Math.min(this.rounds.length - 1, Math.max(0, this.at + by)));
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    setText(this.word, "Play");
    this.button.setAttribute("aria-pressed", "false");
  }

  /** Forgets the rounds: the proposal is another one now. */
  reset(): void {
    this.stop();
    this.asked++;
    this.frames = [];
    this.rounds = [];
    this.at = -1;
    this.slider.disabled = true;
    this.slider.value = "0";
    this.onFrame(null);
  }

  private async go(to: number): Promise<void> {
    const mine = this.asked;
    if (!(await this.load(to)) || mine !== this.asked) return;
    this.at = to;
    this.slider.value = String(to);
    const last = to === this.rounds.length - 1;
    const reached = `${number(this.reached[to])} of ${count(this.panel.state.n_items, "item")} reached`;
    setText(this.text, last ? `The solution · ${reached}` : `Round ${this.rounds[to]} · ${reached} · ${Math.round(this.distance[to] * 100)}% away from the solution`);
    this.slider.setAttribute("aria-valuetext", last ? "the solution" : `round ${this.rounds[to]}`);
    this.onFrame(last ? null : this.frames[to]);
  }

  /** Frames up to and with `to`, and a few more; false where they cannot be had. */
  private async load(to: number): Promise<boolean> {
    if (this.frames[to]) return true;
    const mine = this.asked;
    return this.panel.attempt(async () => {
      while (!this.frames[to] && mine === this.asked) {
        const { content, buffers } = await this.panel.channel.request("frames", { start: this.frames.length, count: AT_ONCE });
        if (mine !== this.asked) return;
        Object.assign(this, { rounds: content.rounds, reached: content.reached, distance: content.distance });
        for (const buffer of buffers) this.frames.push(unpacked(content.wide ? array(Uint16Array, buffer) : array(Uint8Array, buffer)));
        this.slider.max = String(this.rounds.length - 1);
        this.slider.disabled = false;
        if (!buffers.length) return;
      }
    });
  }
}
