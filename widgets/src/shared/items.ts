/** What Python knows of an item, fetched when it is needed, kept while it may be seen again. */
import type { Channel } from "./channel";
import { Marks } from "./marks";

export interface Item {
  position: number;
  id: string;
  /** A short human description; for texts the text itself (cut at 2,000 characters). */
  text: string;
  /** Object URL of the thumbnail, or null where the modality has none. */
  url: string | null;
  /** Why it cannot be shown, or null. */
  problem: string | null;
  /** What can be played: a recording or a clip, its length, and why it has no picture where it has none. */
  media?: { kind: "audio" | "clip"; seconds: number | null; note: string };
}

interface Wish { resolve(item: Item): void; reject(error: Error): void }

const BATCH = 48;
/** Recordings and clips that are kept. */
const PLAYED = 8;

/** Fetches items in batches (one request a frame and 48 items), keeps the last `room`, and frees their pictures. */
export class ItemSource {
  private readonly kept = new Map<string, Item>();
  private readonly wishes = new Map<string, { position: number; size: number; wishes: Wish[] }>();
  private readonly onTheWay = new Map<string, Promise<Item>>();
  /** Words that speak for a class, for cards that show texts. */
  readonly marks: Marks;
  private readonly played = new Map<number, Promise<string>>();
  private scheduled = false;
  private closed = false;

  constructor(private readonly channel: Channel, private readonly room = 600) {
    this.marks = new Marks(channel);
  }

  /** The item, at once where it is kept; `size` is the thumbnail's longest side in CSS pixels. */
  peek(position: number, size = 96): Item | undefined {
    return this.kept.get(`${position}/${size}`) ?? this.kept.get(`${position}/any`);
  }

  /** Takes what came without being asked for: items without a picture, which are the same at every size. */
  prime(items: readonly Record<string, any>[]): void {
    for (const got of items) this.keep(`${got.position}/any`, { position: got.position, id: got.id, text: got.text, problem: got.problem, url: null });
  }

  get(position: number, size = 96): Promise<Item> {
    const key = this.kept.has(`${position}/any`) ? `${position}/any` : `${position}/${size}`;
    const kept = this.kept.get(key);
    if (kept) {
      this.kept.delete(key);
      this.kept.set(key, kept);
      return Promise.resolve(kept);
    }
    const coming = this.onTheWay.get(key);
    if (coming) return coming;
    const promise = new Promise<Item>((resolve, reject) => {
      this.wishes.set(key, { position, size, wishes: [{ resolve, reject }] });
      if (!this.scheduled) {
        this.scheduled = true;
        setTimeout(() => this.ask(), 8);
      }
    });
    this.onTheWay.set(key, promise);
    const settle = () => this.onTheWay.delete(key);
    promise.then(settle, settle);
    return promise;
  }

  /** Object URL of a recording or clip, fetched once; the last few are kept. Rejects with what can be shown. */
  media(position: number): Promise<string> {
    const kept = this.played.get(position);
    if (kept) return kept;
    const url = this.channel.request("media", { position }).then(({ content, buffers }) => URL.createObjectURL(new Blob([buffers[0] as DataView<ArrayBuffer>], { type: content.mime })));
    this.played.set(position, url);
    url.catch(() => this.played.delete(position));
    if (this.played.size > PLAYED) {
      const [oldest, old] = this.played.entries().next().value as [number, Promise<string>];
      this.played.delete(oldest);
      void old.then((gone) => URL.revokeObjectURL(gone), () => undefined);
    }
    return url;
  }

  /** Forgets the wish for items that scrolled away before they were asked for. */
  forget(keep: (position: number) => boolean): void {
    for (const [key, wish] of this.wishes) {
      if (keep(wish.position)) continue;
      this.wishes.delete(key);
      for (const { reject } of wish.wishes) reject(new Error("no longer wanted"));
    }
  }

  close(): void {
    this.closed = true;
    for (const item of this.kept.values()) release(item);
    for (const url of this.played.values()) void url.then((gone) => URL.revokeObjectURL(gone), () => undefined);
    this.kept.clear();
    this.played.clear();
    this.wishes.clear();
  }

  private async ask(): Promise<void> {
    this.scheduled = false;
    const bySize = new Map<number, { key: string; position: number; wishes: Wish[] }[]>();
    for (const [key, { position, size, wishes }] of this.wishes) {
      const group = bySize.get(size) ?? [];
      group.push({ key, position, wishes });
      bySize.set(size, group);
    }
    this.wishes.clear();
    for (const [size, group] of bySize) {
      for (let start = 0; start < group.length; start += BATCH) void this.fetch(size, group.slice(start, start + BATCH));
    }
  }

  private async fetch(size: number, group: { key: string; position: number; wishes: Wish[] }[]): Promise<void> {
    try {
      const ratio = Math.min(2, window.devicePixelRatio || 1);
      const { content, buffers } = await this.channel.request("items", { positions: group.map(({ position }) => position), size: Math.round(size * ratio) });
      if (this.closed) return;
      group.forEach(({ key, position, wishes }, i) => {
        const got = content.items[i];
        const buffer = got.buffer === null ? null : buffers[got.buffer];
        const url = buffer ? URL.createObjectURL(new Blob([buffer as DataView<ArrayBuffer>], { type: got.mime })) : null;
        const item: Item = { position, id: got.id, text: got.text, problem: got.problem, url, media: got.media };
        this.keep(key, item);
        for (const { resolve } of wishes) resolve(item);
      });
    } catch (error) {
      for (const { wishes } of group) for (const { reject } of wishes) reject(error as Error);
    }
  }

  private keep(key: string, item: Item): void {
    this.kept.set(key, item);
    while (this.kept.size > this.room) {
      const [oldest, old] = this.kept.entries().next().value as [string, Item];
      this.kept.delete(oldest);
      setTimeout(() => release(old), 30_000);
    }
  }
}

function release(item: Item): void {
  if (item.url) URL.revokeObjectURL(item.url);
}
