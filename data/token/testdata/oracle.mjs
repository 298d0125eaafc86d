// Encodes texts with two other tokenizers that read the files in a folder, and writes their ids as
// little-endian int32, -1 after each text.
//
//   node oracle.mjs TOKENIZER_DIR TEXTS.json HF.out TIKTOKEN.out PATTERN
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import { Tiktoken } from "tiktoken";

const [dir, textsFile, hfFile, tiktokenFile, pattern] = process.argv.slice(2);
const read = (name) => readFileSync(join(dir, name), "utf8");
const texts = JSON.parse(readFileSync(textsFile, "utf8"));
const config = JSON.parse(read("tokenizer_config.json"));

const write = (file, encode) => {
  const start = performance.now();
  const ids = [];
  for (const text of texts) {
    for (const id of encode(text)) ids.push(id);
    ids.push(-1);
  }
  writeFileSync(file, Int32Array.from(ids));
  console.log(`${file} ${((performance.now() - start) / 1000).toFixed(1)} s`);
};

const hf = new Tokenizer(JSON.parse(read("tokenizer.json")), config);
write(hfFile, (text) => hf.encode(text, { add_special_tokens: false }).ids);

const specials = {};
for (const [id, token] of Object.entries(config.added_tokens_decoder)) specials[token.content] = Number(id);
const tiktoken = new Tiktoken(read("tiktoken.model"), specials, pattern);
write(tiktokenFile, (text) => tiktoken.encode(text, "all"));
