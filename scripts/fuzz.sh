#!/usr/bin/env bash
# Fuzzes every target of the module for the given time each (default 60s).
set -euo pipefail
cd "$(dirname "$0")/.."
for dir in $(go list -f '{{if .TestGoFiles}}{{.Dir}}{{end}}{{if .XTestGoFiles}} {{.Dir}}{{end}}' ./... | tr ' ' '\n' | sort -u); do
	for target in $(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | awk '{print $2}' | sort -u); do
		echo "== $dir $target"
		(cd "$dir" && go test -run xxx -fuzz "^$target\$" -fuzztime "${1:-60s}" .)
	done
done
