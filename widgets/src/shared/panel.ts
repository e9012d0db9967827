/**
 * The frame every widget stands in. A widget is one file:
 *
 *   import { definePanel } from "./shared/panel";
 *   export default definePanel("review", css, async (panel) => {
 *     const { content, buffers } = await panel.channel.request("page", { start: 0 });
 *     panel.body.append(...);
 *     panel.keys(() => ({ ...palette.keys(), " ": accept, u: () => panel.undo() }));
 *     panel.onState((state) => palette.update(state.classes, state.counts));
 *     panel.onCleanup(() => ...);
 *   });
 *
 * The panel owns the channel, the theme, the keys, the status line, the toasts and the item source, and undoes all of it when the view goes.
 * `state` is Python's small synced trait (see labelnb/widgets/panel.py): {classes, counts, n_items, n_known, can_undo, can_redo, can_search_text, modality, revision}.
 */
import { Channel, type Answer, type Model } from "./channel";
import { h } from "./dom";
import { state as drawnState, StatusLine, Toasts } from "./feedback";
import { ItemSource } from "./items";
import { captureKeys, keepFocus, type KeyTable } from "./keys";
import { onThemeChange, readTheme, themeCss, type Theme } from "./theme";

export interface PanelState {
  classes: string[];
  /** Labels a class. */
  counts: number[];
  n_items: number;
  /** Items with any label, `unsure` and the like included. */
  n_known: number;
  can_undo: boolean;
  can_redo: boolean;
  can_search_text: boolean;
  modality: "image" | "audio" | "clip" | "text" | "row" | "vector" | "node";
  /** Grows with every change of labels or classes. */
  revision: number;
}

/** A label to give: a class name, null to clear, or another kind of answer. */
export type LabelValue = string | null | { kind: "not" | "any" | "multi" | "unsure" | "outside"; classes?: string[]; absent?: string[] };

/** Milliseconds after which a view that waits for its first data says why. */
const LATE = 6_000;
export const WAITING = "The kernel is busy with another cell, or gone; after a restart, run this cell again.";

export class Panel {
  readonly root: HTMLElement;
  readonly head = h("div", { class: "lnb-head" });
  readonly body = h("div", { class: "lnb-body" });
  readonly foot = h("div", { class: "lnb-foot" });
  readonly frame: HTMLElement;
  readonly channel: Channel;
  readonly items: ItemSource;
  readonly status = new StatusLine();
  readonly toasts = new Toasts();
  theme: Theme;
  private readonly cleanups: (() => void)[] = [];
  private readonly themeCallbacks = new Set<(theme: Theme) => void>();
  closed = false;

  constructor(readonly model: Model, readonly el: HTMLElement, readonly name: string, css: string) {
    this.channel = new Channel(model);
    this.items = new ItemSource(this.channel);
    this.frame = h("div", { class: "lnb-frame", tabindex: 0, role: "region", "aria-label": model.get("config")?.title ?? name }, this.head, this.body, this.foot, this.toasts.element);
    this.root = h("div", { class: `lnb lnb-${name}` }, h("style", {}, themeCss + css), this.frame);
    el.append(this.root);
    this.theme = readTheme(this.root);
    this.items.marks.on = this.config.words === true;
    let classes = "";
    this.onState((now) => {
      if (classes !== (classes = now.classes.join("\n"))) this.items.marks.forget();
    });
    this.onCleanup(onThemeChange(() => this.rereadTheme()));
    this.onCleanup(keepFocus(this.frame));
    // Notebooks render before they attach: the theme can be read when the root first has a size.
    const attached = new ResizeObserver(() => {
      if (!this.root.isConnected) return;
      attached.disconnect();
      this.rereadTheme();
    });
    attached.observe(this.root);
    this.onCleanup(() => attached.disconnect());
  }

  get config(): Record<string, any> {
    return this.model.get("config") ?? {};
  }

  get state(): PanelState {
    return this.model.get("state");
  }

  /** What Python sent along to draw at once; undefined where there is none, or where it is of an earlier state. */
  get first(): Record<string, any> | undefined {
    const first = this.model.get("first");
    return first && "revision" in first && first.revision === this.state.revision ? first : undefined;
  }

  /** Runs now and whenever Python's state changes. */
  onState(callback: (state: PanelState) => void): void {
    const listener = () => callback(this.state);
    this.model.on("change:state", listener);
    this.onCleanup(() => this.model.off("change:state", listener));
    listener();
  }

  /** Runs whenever a trait changes in Python, or in another view. */
  onTrait(name: string, callback: () => void): void {
    this.model.on(`change:${name}`, callback);
    this.onCleanup(() => this.model.off(`change:${name}`, callback));
  }

  /** Runs when the theme changes (not now: `panel.theme` holds). */
  onTheme(callback: (theme: Theme) => void): void {
    this.themeCallbacks.add(callback);
  }

  /** The keys of the widget; a function is asked at each press, so that classes may come and go. */
  keys(table: KeyTable | (() => KeyTable)): void {
    this.onCleanup(captureKeys(this.frame, table));
  }

  onCleanup(undo: () => void): void {
    if (this.closed) undo();
    else this.cleanups.push(undo);
  }

  /** Gives `value` to the items; resolves when it is durable. Failure is shown and gives false. */
  async decide(positions: ArrayLike<number>, value: LabelValue | LabelValue[], extra: Record<string, unknown> = {}): Promise<boolean> {
    return this.attempt(() => this.channel.request("decide", { value, ...extra }, [Uint32Array.from(positions)]));
  }

  undo(): Promise<boolean> {
    return this.attempt(() => this.channel.request("undo"));
  }

  redo(): Promise<boolean> {
    return this.attempt(() => this.channel.request("redo"));
  }

  addClass(name: string): Promise<boolean> {
    return this.attempt(() => this.channel.request("add_class", { name }));
  }

  /** Asks for what a view cannot be drawn without, however long that takes: other cells may run first. `late` is called where it does. */
  async patiently(kind: string, payload: Record<string, unknown>, late: () => void): Promise<Answer> {
    const timer = setTimeout(() => { if (!this.closed) late(); }, LATE);
    try {
      return await this.channel.request(kind, payload, [], Infinity);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs `work`; a rejection becomes a toast and false. */
  async attempt(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (!this.closed) this.toasts.error(error);
      return false;
    }
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const undo of this.cleanups.reverse()) undo();
    this.toasts.clear();
    this.items.close();
    try {
      this.model.send({ kind: "closed", id: "" });
    } finally {
      this.channel.close();
      this.root.remove();
    }
  }

  private rereadTheme(): void {
    if (this.closed) return;
    this.theme = readTheme(this.root);
    for (const callback of this.themeCallbacks) callback(this.theme);
  }
}

/** What anywidget asks of a module: `export default definePanel(...)`. */
export function definePanel(name: string, css: string, build: (panel: Panel) => void | Promise<void>) {
  return {
    render({ model, el }: { model: Model; el: HTMLElement }): () => void {
      const panel = new Panel(model, el, name, css);
      let loading = drawnState("Loading");
      panel.body.append(loading);
      void (async () => {
        try {
          const opened = panel.patiently("open", {}, () => {
            const waiting = drawnState("Waiting for the kernel", WAITING);
            if (loading.isConnected) loading.replaceWith(waiting);
            loading = waiting;
          });
          if (panel.first) void panel.attempt(() => opened);      // drawn though the kernel is busy with another cell
          else await opened;
          if (panel.closed) return;
          loading.remove();
          await build(panel);
        } catch (error) {
          if (panel.closed) return;
          console.error(error);
          panel.body.replaceChildren(drawnState("This view could not be drawn", error instanceof Error ? error.message : String(error)));
        }
      })();
      return () => panel.close();
    },
  };
}
