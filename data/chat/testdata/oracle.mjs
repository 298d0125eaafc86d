// Renders dialogues with a chat template.
//
//   node oracle.mjs TEMPLATE DIALOGUES.jsonl OUT.json
import { readFileSync, writeFileSync } from "node:fs";
import { Template } from "@huggingface/jinja";

const [template, dialogues, out] = process.argv.slice(2);
const compiled = new Template(readFileSync(template, "utf8"));
const texts = [];
for (const line of readFileSync(dialogues, "utf8").split("\n")) {
  if (line === "") continue;
  for (const add_generation_prompt of [false, true]) {
    texts.push(compiled.render({ ...JSON.parse(line), add_generation_prompt }));
  }
}
writeFileSync(out, JSON.stringify(texts));
