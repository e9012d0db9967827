/** What part of the map is seen. Points lie in the unit square, y up; pixels have y down. */

export interface Box { left: number; bottom: number; right: number; top: number }

export class View {
  width = 1;
  height = 1;
  private x = 0.5;
  private y = 0.5;
  private scale = 1;
  private fitted = 1;

  constructor(private box: Box = { left: 0, bottom: 0, right: 1, top: 1 }) {}

  /** How far in: 1 where all points fit. */
  get zoom(): number {
    return this.scale / this.fitted;
  }

  /** Pixels for one unit of the map. */
  get unit(): number {
    return this.scale;
  }

  get centre(): [number, number] {
    return [this.x, this.y];
  }

  /** A new size in pixels; what was in the middle stays there, as far in as it was. */
  resize(width: number, height: number): void {
    const zoom = this.zoom;
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    this.fitted = this.fitScale();
    this.scale = this.fitted * zoom;
  }

  /** All points in sight; with a box, the box. */
  fit(box?: Box): void {
    if (box) this.box = box;
    this.fitted = this.fitScale();
    this.scale = this.fitted;
    this.x = (this.box.left + this.box.right) / 2;
    this.y = (this.box.bottom + this.box.top) / 2;
  }

  /** `factor` farther in, the point under (px, py) staying where it is. */
  zoomAt(px: number, py: number, factor: number): void {
    const [x, y] = this.toMap(px, py);
    this.scale = Math.min(Math.max(this.scale * factor, this.fitted * 0.5), this.fitted * 400);
    const [nx, ny] = this.toMap(px, py);
    this.x += x - nx;
    this.y += y - ny;
    this.clamp();
  }

  /** Moves what is seen along with a hand that moved by (dx, dy) pixels. */
  pan(dx: number, dy: number): void {
    this.x -= dx / this.scale;
    this.y += dy / this.scale;
    this.clamp();
  }

  /** Puts a point of the map in the middle. */
  centreOn(x: number, y: number): void {
    this.x = x;
    this.y = y;
  }

  toMap(px: number, py: number): [number, number] {
    return [this.x + (px - this.width / 2) / this.scale, this.y - (py - this.height / 2) / this.scale];
  }

  toPixel(x: number, y: number): [number, number] {
    return [(x - this.x) * this.scale + this.width / 2, (this.y - y) * this.scale + this.height / 2];
  }

  private fitScale(): number {
    const wide = Math.max(this.box.right - this.box.left, 1e-4);
    const high = Math.max(this.box.top - this.box.bottom, 1e-4);
    return 0.9 * Math.min(this.width / wide, this.height / high);
  }

  private clamp(): void {
    this.x = Math.min(Math.max(this.x, this.box.left), this.box.right);
    this.y = Math.min(Math.max(this.y, this.box.bottom), this.box.top);
  }
}

/** The box around u16 positions (x, y, x, y, ...), in units of the map. */
export function boxOf(xy: Uint16Array): Box {
  let left = 65535, bottom = 65535, right = 0, top = 0;
  for (let i = 0; i < xy.length; i += 2) {
    const x = xy[i], y = xy[i + 1];
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < bottom) bottom = y;
    if (y > top) top = y;
  }
  if (!xy.length) return { left: 0, bottom: 0, right: 1, top: 1 };
  return { left: left / 65535, bottom: bottom / 65535, right: right / 65535, top: top / 65535 };
}
