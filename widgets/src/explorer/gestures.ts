/** What hands do on the map, told in words: a shape was drawn, a place was clicked, the map was moved or zoomed. */
import { rectangle } from "./lasso";

export type Tool = "lasso" | "rectangle" | "move";
export type How = "set" | "add" | "remove";

export interface Hands {
  /** A closed shape in pixels, x, y, x, y, ... */
  onShape(points: number[], how: How): void;
  onClick(x: number, y: number, how: How): void;
  onHover(x: number, y: number): void;
  onLeave(): void;
  onPan(dx: number, dy: number): void;
  onZoom(x: number, y: number, factor: number): void;
  /** The shape so far, to be drawn; empty when it is done. */
  onOutline(points: number[]): void;
  /** Whether the wheel zooms here and now, or belongs to the page. */
  wheelZooms(event: WheelEvent): boolean;
}

const CLICK = 4;

interface Drag { id: number; x: number; y: number; lastX: number; lastY: number; moved: boolean; shape: number[] | null; tool: Tool }

export class Gestures {
  tool: Tool = "lasso";
  private drag: Drag | null = null;
  private readonly touches = new Map<number, [number, number]>();

  constructor(private readonly element: HTMLElement, private readonly hands: Hands) {
    const on = <K extends keyof HTMLElementEventMap>(name: K, listener: (event: HTMLElementEventMap[K]) => void, options?: AddEventListenerOptions) => element.addEventListener(name, listener as EventListener, options);
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.up(event));
    on("pointercancel", (event) => this.cancel(event));
    on("pointerleave", () => this.hands.onLeave());
    on("wheel", (event) => this.wheel(event), { passive: false });
    on("contextmenu", (event) => event.preventDefault());
  }

  /** Gives up the shape being drawn; whether there was one. */
  abandon(): boolean {
    const drawing = this.drag?.shape != null && this.drag.moved;
    this.drag = null;
    this.hands.onOutline([]);
    return drawing;
  }

  private at(event: PointerEvent | WheelEvent): [number, number] {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  private down(event: PointerEvent): void {
    if (event.button > 2) return;
    const [x, y] = this.at(event);
    this.capture(event.pointerId);
    if (event.pointerType === "touch") {
      this.touches.set(event.pointerId, [x, y]);
      if (this.touches.size > 1) {
        this.abandon();
        return;
      }
    }
    const tool = event.button > 0 ? "move" : this.tool;
    this.drag = { id: event.pointerId, x, y, lastX: x, lastY: y, moved: false, shape: tool === "move" ? null : [x, y], tool };
    if (event.button > 0) event.preventDefault();
  }

  private move(event: PointerEvent): void {
    const [x, y] = this.at(event);
    if (this.touches.has(event.pointerId) && this.touches.size === 2) {
      this.pinch(event.pointerId, x, y);
      return;
    }
    const drag = this.drag;
    if (!drag || drag.id !== event.pointerId) {
      if (!this.touches.size) this.hands.onHover(x, y);
      return;
    }
    if (!drag.moved && Math.hypot(x - drag.x, y - drag.y) < CLICK) return;
    if (!drag.moved) this.hands.onLeave();
    drag.moved = true;
    if (drag.tool === "move") this.hands.onPan(x - drag.lastX, y - drag.lastY);
    else if (drag.tool === "rectangle") this.hands.onOutline((drag.shape = rectangle(drag.x, drag.y, x, y)));
    else this.lasso(drag, x, y);
    drag.lastX = x;
    drag.lastY = y;
  }

  private lasso(drag: Drag, x: number, y: number): void {
    const shape = drag.shape as number[];
    const n = shape.length;
    if (Math.hypot(x - shape[n - 2], y - shape[n - 1]) < 1.5) return;
    shape.push(x, y);
    this.hands.onOutline(shape);
  }

  private up(event: PointerEvent): void {
    this.touches.delete(event.pointerId);
    const drag = this.drag;
    if (!drag || drag.id !== event.pointerId) return;
    this.drag = null;
    this.hands.onOutline([]);
    const how: How = event.altKey ? "remove" : event.shiftKey ? "add" : "set";
    if (!drag.moved) {
      if (event.button === 0) this.hands.onClick(drag.x, drag.y, how);
    } else if (drag.shape && drag.shape.length >= 6) this.hands.onShape(drag.shape, how);
  }

  private cancel(event: PointerEvent): void {
    this.touches.delete(event.pointerId);
    this.abandon();
  }

  private pinch(id: number, x: number, y: number): void {
    const other = [...this.touches].find(([key]) => key !== id)?.[1];
    const former = this.touches.get(id);
    if (!other || !former) return;
    const before = Math.hypot(former[0] - other[0], former[1] - other[1]);
    const after = Math.hypot(x - other[0], y - other[1]);
    this.touches.set(id, [x, y]);
    this.hands.onPan((x - former[0]) / 2, (y - former[1]) / 2);
    if (before > 8) this.hands.onZoom((x + other[0]) / 2, (y + other[1]) / 2, after / before);
  }

  private wheel(event: WheelEvent): void {
    if (!this.hands.wheelZooms(event)) return;
    event.preventDefault();
    event.stopPropagation();
    const lines = event.deltaMode === 1 ? 30 : event.deltaMode === 2 ? 300 : 1;
    const [x, y] = this.at(event);
    this.hands.onZoom(x, y, Math.exp(-Math.max(-240, Math.min(240, event.deltaY * lines)) * 0.002));
  }

  private capture(id: number): void {
    try {
      this.element.setPointerCapture(id);
    } catch {
      // A pointer made by a test, or one that has gone already: the drag works without.
    }
  }
}
