// Builds one ES module a widget: src/<name>.ts -> ../labelnb/widgets/static/<name>.js, CSS inlined.
//   node build.mjs [name ...]   build all, or those named
//   node build.mjs --check      build in memory; exit 1 where a committed bundle differs
//   node build.mjs --watch      build again at every change
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "src");
const target = resolve(here, "../labelnb/widgets/static");

/**
 * The rules of x.css hold inside `.lnb-x` alone: widgets of several kinds stand in one notebook, each with its own style element, and what one
 * calls `.lnb-map` must not change what another calls so; nor may the theme of a later cell win over an earlier widget's own rules. `.lnb` and
 * `.lnb-x` at the beginning of a selector, and the classes named in ROOT, are the widget's root itself. theme.css is for all.
 */
const ROOT = ["lnb-graph-only-texts", "lnb-board-texts"];
function scoped(text, name) {
  if (name === "theme") return text;
  const own = `lnb-${name}`;
  const atRoot = new RegExp(`(^|[{},]\\s*|\\*/\\s*)\\.(${["lnb", own, ...ROOT].join("|")})(?![\\w-])`, "gm");
  return `.${own} {\n${text.replace(atRoot, (_, before, root) => `${before}${root === own ? "&" : `&.${root}`}`)}\n}`;
}

/** `import css from "./x.css?inline"` gives the minified text of the file. */
const inlineCss = {
  name: "inline-css",
  setup(build) {
    build.onResolve({ filter: /\.css\?inline$/ }, (args) => ({ path: join(args.resolveDir, args.path.replace("?inline", "")), namespace: "inline-css" }));
    build.onLoad({ filter: /.*/, namespace: "inline-css" }, async (args) => {
      const { code } = await esbuild.transform(scoped(readFileSync(args.path, "utf8"), basename(args.path, ".css")), { loader: "css", minify: true, target: "chrome111" });
      return { contents: code.trim(), loader: "text", watchFiles: [args.path] };
    });
  },
};

const names = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const all = readdirSync(source).filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts")).map((file) => basename(file, ".ts"));
const options = {
  absWorkingDir: here,
  entryPoints: (names.length ? names : all).map((name) => `src/${name}.ts`),
  outdir: target,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  plugins: [inlineCss],
  logLevel: "warning",
};

if (process.argv.includes("--watch")) {
  const context = await esbuild.context({ ...options, logLevel: "info" });
  await context.watch();
} else {
  const check = process.argv.includes("--check");
  const result = await esbuild.build({ ...options, write: !check, metafile: true });
  if (check) {
    const stale = result.outputFiles.filter(({ path, text }) => {
      try { return readFileSync(path, "utf8") !== text; } catch { return true; }
    });
    for (const { path } of stale) console.error(`${basename(path)}: the committed bundle differs from its source; run npm run build in widgets/`);
    process.exitCode = stale.length ? 1 : 0;
  } else {
    for (const [path, { bytes }] of Object.entries(result.metafile.outputs)) console.log(`${basename(path)} ${(bytes / 1024).toFixed(1)} kB`);
  }
}
