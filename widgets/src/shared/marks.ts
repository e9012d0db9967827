/** Words of a text that speak for the class it is shown as: asked for in batches when the text is drawn, and drawn as <mark>. */
import type { Channel } from "./channel";
import { h } from "./dom";

/** Start and end in signs (code points) of the text. */
export type Span = readonly [number, number];

interface Wish { position: number; code: number; resolve(spans: Span[]): void }

const BATCH = 100;
const ROOM = 2_000;

export class Marks {
  /** Whether texts are marked now. */
  on = false;
  private readonly kept = new Map<string, Promise<Span[]>>();
  private wishes: Wish[] = [];

  constructor(private readonly channel: Channel) {}

  /** The spans that speak for a class; none where Python has no answer: marks help to read, and are never waited for. */
  get(position: number, code: number): Promise<Span[]> {
    const key = `${position}/${code}`;
    const kept = this.kept.get(key);
    if (kept) return kept;
    const promise = new Promise<Span[]>((resolve) => {
      this.wishes.push({ position, code, resolve });
      if (this.wishes.length === 1) setTimeout(() => this.ask(), 30);
    });
    this.kept.set(key, promise);
    if (this.kept.size > ROOM) this.kept.delete(this.kept.keys().next().value as string);
    return promise;
  }

  /** Classes have changed: what was found is asked for anew. */
  forget(): void {
    this.kept.clear();
  }

  private ask(): void {
    const all = this.wishes;
    this.wishes = [];
    for (let start = 0; start < all.length; start += BATCH) void this.fetch(all.slice(start, start + BATCH));
  }

  private async fetch(group: Wish[]): Promise<void> {
    try {
      const { content } = await this.channel.request("marks", { wanted: group.map(({ position, code }) => [position, code]) });
      group.forEach(({ resolve }, i) => resolve(content.marks[i]));
    } catch {
      for (const { position, code, resolve } of group) {
        this.kept.delete(`${position}/${code}`);
        resolve([]);
      }
    }
  }
}

const drawn = new WeakMap<HTMLElement, string>();

/** Shows a text, and marks what speaks for the class at `code` once that is known; -1 marks nothing. */
export function showText(element: HTMLElement, text: string, marks?: Marks, position = -1, code = -1): void {
  const wanted = marks?.on && code >= 0 && text !== "";
  const key = `${wanted ? `${position}/${code}` : ""}\n${text}`;
  if (drawn.get(element) === key && element.textContent === text) return;
  drawn.set(element, key);
  if (element.textContent !== text || !wanted) element.textContent = text;
  if (!wanted) return;
  void marks.get(position, code).then((spans) => { if (drawn.get(element) === key) drawMarked(element, text, spans); });
}

/** A text with some of its spans in <mark>. */
export function drawMarked(element: HTMLElement, text: string, spans: readonly Span[]): void {
  const signs = Array.from(text);
  const parts: (string | HTMLElement)[] = [];
  let at = 0;
  for (const [start, end] of spans) {
    if (start < at || end > signs.length) continue;
    parts.push(signs.slice(at, start).join(""), h("mark", {}, signs.slice(start, end).join("")));
    at = end;
  }
  element.replaceChildren(...parts, signs.slice(at).join(""));
}
