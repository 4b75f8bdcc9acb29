// Writes docs/schema/sizer.d.ts from docs/schema/*.schema.json: npm ci --prefix tools/typescript && node tools/typescript/generate.mjs [--check]
// SIZER_ROOT names the checkout when this file was copied out of it.
// One set of records for what is written; what is read may lack keys, so that its records are called MachineInput, PlatformInput, ...
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { compile } from "json-schema-to-typescript";

const root = process.env.SIZER_ROOT ? pathToFileURL(process.env.SIZER_ROOT + "/") : new URL("../../", import.meta.url);
const folder = new URL("docs/schema/", root);
const target = new URL("sizer.d.ts", folder);
const READ = "machine"; // the schema of what is read
const ROOTS = { machine: "MachineInput", "machine-written": "Machine", "why-not": "WhyNot", error: "ErrorDocument" };

const pascal = (name) => name.split("-").map((part) => part[0].toUpperCase() + part.slice(1)).join("");
const files = readdirSync(folder).filter((file) => file.endsWith(".schema.json")).sort();
const texts = files.map((file) => readFileSync(new URL(file, folder), "utf-8"));
const digest = createHash("sha256").update(texts.join("")).digest("hex");

const defs = {};
for (const [index, file] of files.entries()) {
  const name = file.replace(".schema.json", "");
  const ending = name === READ ? "Input" : "";
  const schema = JSON.parse(texts[index].replaceAll(/"#\/\$defs\/(\w+)"/g, `"#/$defs/$1${ending}"`));
  const { $defs, $schema, $id, title, ...body } = schema;
  for (const [key, record] of Object.entries($defs ?? {})) add(key + ending, record);
  add(ROOTS[name] ?? pascal(name), body);
}

function add(name, record) {
  const { title, description, ...shape } = record;
  if (name in defs) {
    const { description: _, ...known } = defs[name];
    if (JSON.stringify(known) !== JSON.stringify(shape)) throw new Error(`two records are called ${name}`);
    return;
  }
  defs[name] = description ? { description, ...shape } : shape;
}

const banner = `/**
 * The documents of sizer. Generated from docs/schema/*.schema.json by tools/typescript/generate.mjs: do not edit.
 * Later versions add keys and words: ignore what you do not know. Bytes are integers, unknown is null.
 * sha256 of the schemas: ${digest}
 */`;
const bundle = { type: "object", $defs: Object.fromEntries(Object.entries(defs).sort(([a], [b]) => (a < b ? -1 : 1))) };
const made = await compile(bundle, "Everything", {
  additionalProperties: false,
  bannerComment: banner,
  format: true,
  style: { printWidth: 140 },
  unreachableDefinitions: true,
});
const text = made
  .replace(/export interface Everything \{\}\n+/, "")
  .replaceAll(/ \* This interface was referenced by `Everything`'s JSON-Schema\n \* via the `definition` "\w+"\.\n/g, "")
  .replaceAll(/\/\*\*\n \*\/\n/g, "")
  .replaceAll(/\n \*\n \*\//g, "\n */");

if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf-8") !== text) {
    console.error("docs/schema/sizer.d.ts is stale: run node tools/typescript/generate.mjs");
    process.exit(1);
  }
} else {
  writeFileSync(target, text);
}
