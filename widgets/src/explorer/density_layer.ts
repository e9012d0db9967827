/** Lays a density picture under the points with WebGL2: one texture on one triangle that covers the map. */
import type { DensityPicture } from "./density";
import { link } from "./gl_program";

const VERTEX = `#version 300 es
uniform vec2 share;
out vec2 at;
void main() {
  vec2 corner = vec2(gl_VertexID == 1 ? 3. : -1., gl_VertexID == 2 ? 3. : -1.);
  at = vec2(corner.x * .5 + .5, .5 - corner.y * .5) * share;
  gl_Position = vec4(corner, .95, 1.);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
uniform sampler2D picture;
uniform float opacity;
in vec2 at;
out vec4 colour;
void main() { colour = texture(picture, at) * opacity; }`;

export class DensityLayer {
  private readonly program: WebGLProgram;
  private readonly texture: WebGLTexture;
  private readonly share: WebGLUniformLocation | null;
  private readonly opacity: WebGLUniformLocation | null;
  /** Of its own, without arrays: those of the points are enabled before there is anything in them. */
  private readonly arrays: WebGLVertexArrayObject;
  private columns = 0;
  private rows = 0;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.program = link(gl, VERTEX, FRAGMENT);
    this.share = gl.getUniformLocation(this.program, "share");
    this.opacity = gl.getUniformLocation(this.program, "opacity");
    this.arrays = gl.createVertexArray();
    this.texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.LINEAR);
  }

  /** Draws the picture; `wide` and `high` are how many of its cells the map shows, the last ones in part. */
  draw(picture: DensityPicture, fresh: boolean, wide: number, high: number, opacity: number): void {
    const { gl } = this;
    const { columns, rows, data } = picture;
    gl.useProgram(this.program);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    if (columns !== this.columns || rows !== this.rows) gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, columns, rows, 0, gl.RGBA, gl.UNSIGNED_BYTE, data);
    else if (fresh) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, columns, rows, gl.RGBA, gl.UNSIGNED_BYTE, data);
    this.columns = columns;
    this.rows = rows;
    gl.uniform2f(this.share, wide / columns, high / rows);
    gl.uniform1f(this.opacity, opacity);
    gl.depthMask(false);
    gl.bindVertexArray(this.arrays);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.bindVertexArray(null);
    gl.depthMask(true);
  }
}
