/**
 * Requests from the widget to Python and notices from Python, over anywidget's custom messages.
 *
 *   request   {id, kind, ...}            + buffers   ->  Panel.on_<kind>(message, buffers) in Python
 *   response  {id, ok: true, ...}        + buffers   or  {id, ok: false, error}
 *   notice    {notice: "labels", ...}    + buffers   pushed by Python, to every view
 *
 * Ids are unique a view, so that two views of one model never take each other's answers.
 */

/** The part of anywidget's model that the widgets use. */
export interface Model {
  get(name: string): any;
  set?(name: string, value: unknown): void;
  save_changes?(): void;
  on(event: string, callback: (...args: any[]) => void): void;
  off(event: string, callback: (...args: any[]) => void): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[] | ArrayBufferView[]): void;
}

export interface Answer {
  content: Record<string, any>;
  /** Each with its own offset into the received memory: read through `array()`. */
  buffers: DataView[];
}

/** Python said no, or said nothing. `message` is meant for the person. */
export class ChannelError extends Error {}

export class Channel {
  /** Name of this view among those of the model. */
  readonly view = Math.random().toString(36).slice(2, 10);
  private next = 0;
  private readonly waiting = new Map<string, { resolve(answer: Answer): void; reject(error: Error): void; timer: ReturnType<typeof setTimeout> | undefined }>();
  private readonly listeners = new Map<string, Set<(answer: Answer) => void>>();
  private readonly receive = (content: any, buffers: DataView[] = []) => this.received(content, buffers);

  constructor(readonly model: Model, private readonly patience = 60_000) {
    model.on("msg:custom", this.receive);
  }

  /** Asks Python; rejects with a ChannelError whose message can be shown. `patience` in milliseconds; Infinity waits as long as it takes. */
  request(kind: string, payload: Record<string, unknown> = {}, buffers: (ArrayBuffer | ArrayBufferView)[] = [], patience = this.patience): Promise<Answer> {
    const id = `${this.view}:${this.next++}`;
    return new Promise((resolve, reject) => {
      const timer = patience === Infinity ? undefined : setTimeout(() => {
        this.waiting.delete(id);
        reject(new ChannelError("No answer from the kernel. It may be busy, restarted or gone; run the cell again once it is idle."));
      }, patience);
      this.waiting.set(id, { resolve, reject, timer });
      this.model.send({ ...payload, id, kind }, undefined, buffers.map(asBuffer));
    });
  }

  /** Listens to notices of one name until the returned function is called or the channel is closed. */
  on(notice: string, callback: (answer: Answer) => void): () => void {
    const callbacks = this.listeners.get(notice) ?? new Set();
    callbacks.add(callback);
    this.listeners.set(notice, callbacks);
    return () => callbacks.delete(callback);
  }

  close(): void {
    this.model.off("msg:custom", this.receive);
    for (const { timer } of this.waiting.values()) clearTimeout(timer);
    this.waiting.clear();
    this.listeners.clear();
  }

  private received(content: any, buffers: DataView[]): void {
    if (content && typeof content.notice === "string") {
      for (const callback of [...(this.listeners.get(content.notice) ?? [])]) callback({ content, buffers });
      return;
    }
    const waiting = this.waiting.get(content?.id);
    if (!waiting) return;
    this.waiting.delete(content.id);
    clearTimeout(waiting.timer);
    if (content.ok) waiting.resolve({ content, buffers });
    else waiting.reject(new ChannelError(String(content.error ?? "The request failed.")));
  }
}

function asBuffer(part: ArrayBuffer | ArrayBufferView): ArrayBuffer {
  if (part instanceof ArrayBuffer) return part;
  return part.buffer.slice(part.byteOffset, part.byteOffset + part.byteLength) as ArrayBuffer;
}

type ArrayKind<T> = { new (buffer: ArrayBufferLike, offset: number, length: number): T; BYTES_PER_ELEMENT: number };

/** A received buffer as a typed array, copied where its offset is not aligned. */
export function array<T>(kind: ArrayKind<T>, view: DataView): T {
  const size = kind.BYTES_PER_ELEMENT;
  const length = Math.floor(view.byteLength / size);
  if (view.byteOffset % size === 0) return new kind(view.buffer, view.byteOffset, length);
  return new kind(view.buffer.slice(view.byteOffset, view.byteOffset + length * size), 0, length);
}
