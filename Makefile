# The two commands of the README do without this file; these are shortcuts for working on the program.
.PHONY: build test race noasm fuzz bench lint

build:
	go build -trimpath -o bin/muonclip ./cmd/muonclip

test:
	go test ./...

race:
	go test -race ./...

noasm:
	CGO_ENABLED=0 go test -tags noasm ./...

# Each parser for a minute.
fuzz:
	scripts/fuzz.sh 60s

bench:
	go test -run xxx -bench . ./...

# golangci-lint v2.15.0: go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
lint:
	golangci-lint run ./...
