// Command muonclip trains language models of the Kimi K2 family with the MuonClip optimizer, from
// raw text to a model in Hugging Face format. `muonclip help` lists its commands.
//
// Exit codes, the same for every command:
//
//	0    success
//	1    the work failed
//	2    wrong usage or configuration; nothing was done
//	3    data or a checkpoint is damaged, or does not belong to the run
//	130  interrupted by SIGINT or SIGTERM, after saving what can be saved
package main

import (
	"context"
	"muonclip/internal/sandbox"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	sandbox.Main() // returns at once unless this process is a sandbox of another one
	os.Exit(runMain())
}

// runMain lets the first signal end the work in good order and a second one end the process.
func runMain() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
}
