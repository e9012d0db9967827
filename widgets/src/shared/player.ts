/** A recording or a clip on a card: its picture, a button to play it, and how long it is. Fetched when it is first played. */
import { h, setText } from "./dom";
import type { Item, ItemSource } from "./items";

/** Only one plays at a time, in all widgets of the page. */
let playing: Player | undefined;

export class Player {
  private readonly button = h("button", { class: "lnb-button lnb-play", type: "button", tabindex: -1, onclick: () => void this.toggle() }, "▶");
  private readonly time = h("span", { class: "lnb-play-time" });
  private readonly ground = h("div", { class: "lnb-play-ground" });
  private readonly line = h("div", { class: "lnb-play-line", hidden: true, "aria-hidden": "true" });
  private readonly said = h("span", { class: "lnb-play-note", role: "status", hidden: true });
  readonly element = h("div", { class: "lnb-player" }, this.ground, h("div", { class: "lnb-play-bar" }, this.button, this.time, this.said));
  private media: HTMLMediaElement | undefined;
  private item: Item | undefined;

  constructor(private readonly source: ItemSource) {}

  /** Shows another item; what plays is stopped. */
  show(item: Item): void {
    this.stop();
    this.media?.remove();
    this.media = undefined;
    this.item = item;
    const { media } = item;
    if (!media) return;
    this.element.dataset.kind = media.kind;
    this.ground.replaceChildren(...(item.url ? [h("img", { src: item.url, alt: "", draggable: "false" })] : [h("span", { class: "lnb-quiet", dir: "auto" }, media.note || item.text)]), this.line);
    this.line.hidden = true;
    this.say("");
    setText(this.time, media.seconds === null ? "" : length(media.seconds));
    this.drawButton(false);
  }

  /** Plays, or stops for a while. */
  async toggle(): Promise<void> {
    const { item } = this;
    if (!item?.media) return;
    try {
      if (!this.media) {
        const url = await this.source.media(item.position);
        if (this.item !== item) return;
        this.media = this.made(item.media.kind, url);
      }
      if (!this.media.paused) return this.media.pause();
      if (playing !== this) playing?.stop();
      playing = this;
      await this.media.play();
    } catch (error) {
      if (this.item !== item || (error as Error).name === "AbortError") return;
      this.say((error as Error).name === "NotSupportedError" ? "This browser cannot play it." : error instanceof Error ? error.message : String(error));
    }
  }

  stop(): void {
    this.media?.pause();
    if (playing === this) playing = undefined;
  }

  private made(kind: string, url: string): HTMLMediaElement {
    const media = kind === "clip" ? h("video", { src: url, playsinline: true }) : h("audio", { src: url });
    media.addEventListener("play", () => this.drawButton(true));
    media.addEventListener("pause", () => this.drawButton(false));
    media.addEventListener("timeupdate", () => {
      const whole = Number.isFinite(media.duration) ? media.duration : this.item?.media?.seconds ?? 0;
      this.line.hidden = kind === "clip" || !whole;
      this.line.style.insetInlineStart = `${whole ? (100 * media.currentTime) / whole : 0}%`;
      setText(this.time, `${length(media.currentTime)}${whole ? ` / ${length(whole)}` : ""}`);
    });
    if (kind === "clip") this.ground.replaceChildren(media, this.line);
    return media;
  }

  private drawButton(on: boolean): void {
    setText(this.button, on ? "❚❚" : "▶");
    this.button.setAttribute("aria-label", `${on ? "Pause" : "Play"} ${this.item?.text ?? ""}`);
  }

  private say(text: string): void {
    this.said.hidden = text === "";
    setText(this.said, text);
  }
}

/** 75 -> "1:15"; tenths below ten seconds. */
export function length(seconds: number): string {
  if (seconds < 10) return `0:0${seconds.toFixed(1)}`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
