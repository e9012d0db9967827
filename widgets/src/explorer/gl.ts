/** Points by WebGL2: five bytes a point on the card (u16 x, u16 y, u8 look), one draw call. */
import type { Theme } from "../shared/theme";
import { CELL } from "./density";
import { DensityLayer } from "./density_layer";
import { link } from "./gl_program";
import { colours } from "./looks";
import type { Frame, Renderer } from "./renderer";
import type { View } from "./view";

const VERTEX = `#version 300 es
layout(location = 0) in vec2 start;
layout(location = 1) in vec2 end;
layout(location = 2) in uint look;
uniform vec2 centre, scale;
uniform float progress, size, alpha, rest, faded, points, outline;
uniform vec3 colours[32];
uniform vec3 ink;
flat out vec4 fill;
flat out vec4 edge;
flat out float radius, border;
void main() {
  vec2 at = (mix(start, end, progress) - centre) * scale;
  bool selected = (look & 32u) != 0u, marked = (look & 64u) != 0u, faint = (look & 128u) != 0u;
  uint colour = look & 31u;
  float depth = selected ? .2 : marked ? .3 : faint ? .9 : colour == 12u ? .6 : .5;
  bool picked = selected || marked;
  float diameter = picked ? size + outline * (size * .25 + min(2.5, size * .5)) : colour == 12u ? size * .86 : size;
  float opacity = picked ? 1. : (faint ? faded : alpha * rest) * points;
  radius = diameter * .5;
  // Where points are tiny a ring would be all there is of them: then full opacity alone tells the picked ones.
  border = !picked || diameter < 5. || outline < .1 ? 0. : outline * (selected ? max(1.25, size * .14) : max(1., size * .1));
  fill = vec4(colours[colour], opacity);
  edge = vec4(ink, selected ? 1. : .75);
  gl_Position = vec4(at, depth, 1.);
  gl_PointSize = diameter < 2.8 ? max(diameter, 1.) : diameter + 1.;
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
flat in vec4 fill;
flat in vec4 edge;
flat in float radius, border;
out vec4 colour;
void main() {
  if (radius < 1.4) {
    colour = vec4(fill.rgb * fill.a, fill.a);
    return;
  }
  float away = length(gl_PointCoord - .5) * (radius * 2. + 1.);
  float inside = clamp(radius + .5 - away, 0., 1.);
  if (inside < .08) discard;
  float ring = border > 0. ? clamp(away - (radius - border) + .5, 0., 1.) : 0.;
  vec4 mixed = mix(fill, edge, ring);
  float opacity = mixed.a * inside;
  colour = vec4(mixed.rgb * opacity, opacity);
}`;

const UNIFORMS = ["centre", "scale", "progress", "size", "alpha", "rest", "faded", "points", "outline", "colours", "ink"] as const;

/** Throws where the browser has no WebGL2. */
export class GlRenderer implements Renderer {
  readonly kind = "webgl";
  private readonly gl: WebGL2RenderingContext;
  private readonly uniforms = {} as Record<(typeof UNIFORMS)[number], WebGLUniformLocation | null>;
  private start: WebGLBuffer | null = null;
  private end: WebGLBuffer;
  private readonly looks: WebGLBuffer;
  private readonly program: WebGLProgram;
  private readonly picked: WebGLBuffer;
  private density: DensityLayer | null = null;
  /** What is not on the card yet: while density alone is drawn, the points need not be there. */
  private waiting: { xy: Uint16Array | null; looks: Uint8Array | null } = { xy: null, looks: null };
  private room = 0;
  private n = 0;

  constructor(readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: true, depth: true, stencil: false, premultipliedAlpha: true, powerPreference: "high-performance" });
    if (!gl || gl.isContextLost()) throw new Error("This browser draws no WebGL2.");
    this.gl = gl;
    this.program = link(gl, VERTEX, FRAGMENT);
    gl.useProgram(this.program);
    for (const name of UNIFORMS) this.uniforms[name] = gl.getUniformLocation(this.program, name);
    this.end = gl.createBuffer();
    this.looks = gl.createBuffer();
    this.picked = gl.createBuffer();
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    gl.enableVertexAttribArray(1);
    gl.enableVertexAttribArray(2);
  }

  setPositions(xy: Uint16Array): void {
    this.upload();
    const gl = this.gl;
    if (this.start) gl.deleteBuffer(this.start);
    this.start = this.n ? this.end : null;
    this.end = gl.createBuffer();
    this.waiting.xy = xy;
    this.n = xy.length >> 1;
  }

  setLooks(looks: Uint8Array): void {
    this.waiting.looks = looks;
  }

  setTheme(theme: Theme): void {
    this.gl.useProgram(this.program);
    this.gl.uniform3fv(this.uniforms.colours, colours(theme));
    this.gl.uniform3f(this.uniforms.ink, theme.ink[0] / 255, theme.ink[1] / 255, theme.ink[2] / 255);
  }

  draw(view: View, frame: Frame): void {
    const gl = this.gl;
    if (gl.isContextLost()) return;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    if (!this.n || !(this.room || this.waiting.looks)) return;
    const { density } = frame;
    if (density) {
      this.density ??= new DensityLayer(gl);
      this.density.draw(density.picture, density.fresh, view.width / CELL, view.height / CELL, density.share);
    }
    const alone = density !== null && density.share >= 1;
    if (!alone || density.picked.length) this.points(view, frame, alone ? density.picked : null);
  }

  private points(view: View, frame: Frame, only: Uint32Array | null): void {
    const gl = this.gl;
    this.upload();
    gl.useProgram(this.program);
    const moving = frame.progress < 1 && this.start !== null;
    const every = only ? 1 : Math.min(frame.stride, 60);
    if (moving) {
      gl.enableVertexAttribArray(0);
      gl.bindBuffer(gl.ARRAY_BUFFER, this.start);
      gl.vertexAttribPointer(0, 2, gl.UNSIGNED_SHORT, true, 4 * every, 0);
    } else gl.disableVertexAttribArray(0);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.end);
    gl.vertexAttribPointer(1, 2, gl.UNSIGNED_SHORT, true, 4 * every, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.looks);
    gl.vertexAttribIPointer(2, 1, gl.UNSIGNED_BYTE, every, 0);
    const [x, y] = view.centre;
    gl.uniform2f(this.uniforms.centre, x, y);
    gl.uniform2f(this.uniforms.scale, (2 * view.unit) / view.width, (2 * view.unit) / view.height);
    gl.uniform1f(this.uniforms.progress, moving ? frame.progress : 1);
    gl.uniform1f(this.uniforms.size, frame.size * frame.ratio);
    gl.uniform1f(this.uniforms.alpha, frame.alpha);
    gl.uniform1f(this.uniforms.rest, frame.rest);
    gl.uniform1f(this.uniforms.faded, frame.faded);
    gl.uniform1f(this.uniforms.points, frame.points);
    gl.uniform1f(this.uniforms.outline, frame.outline);
    if (only) {
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.picked);
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, only, gl.STREAM_DRAW);
      gl.drawElements(gl.POINTS, only.length, gl.UNSIGNED_INT, 0);
    } else gl.drawArrays(gl.POINTS, 0, Math.ceil(this.n / every));
  }

  private upload(): void {
    const gl = this.gl;
    const { xy, looks } = this.waiting;
    this.waiting = { xy: null, looks: null };
    if (xy) {
      gl.bindBuffer(gl.ARRAY_BUFFER, this.end);
      gl.bufferData(gl.ARRAY_BUFFER, xy, gl.STATIC_DRAW);
    }
    if (!looks) return;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.looks);
    if (this.room === looks.length) gl.bufferSubData(gl.ARRAY_BUFFER, 0, looks);
    else gl.bufferData(gl.ARRAY_BUFFER, looks, gl.DYNAMIC_DRAW);
    this.room = looks.length;
  }

  destroy(): void {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
