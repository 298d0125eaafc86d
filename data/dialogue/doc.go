// Package dialogue turns files of dialogues into what supervised fine-tuning reads: it reads JSON Lines and Parquet in
// OpenAI's and ShareGPT's shape, encodes them with a tokenizer and a chat format, and writes shards of token ids for
// training and held-out loss (package chatshard). What it leaves out it counts, with the reason.
package dialogue
