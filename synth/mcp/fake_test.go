package mcp

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeVar makes the test program a server with the fault that it names.
const fakeVar = "FAKE_MCP"

func TestMain(m *testing.M) {
	if mode := os.Getenv(fakeVar); mode != "" {
		fakeServer(mode)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// fake is a server that misbehaves as mode says.
func fake(t testing.TB, mode string) Server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Server{Name: "fake-" + mode, Command: []string{self}, Env: map[string]string{fakeVar: mode}, Limits: Limits{Grace: 500 * time.Millisecond}}
}

type fakeRequest struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
		Cursor    string          `json:"cursor"`
	} `json:"params"`
}

const fakeTools = `{"name":"echo-it","description":"Says what it is told <&>","inputSchema":{"type": "object",  "required":["text"],"properties":{"text":{"type":"string"},"n":{"type":"integer","maximum":9007199254740993}}},"annotations":{"readOnlyHint":true}},` +
	`{"name":"files.write","description":"Writes a file","inputSchema":{"type":"object","properties":{"path":{"type":"string"},"text":{"type":"string"}}}},` +
	`{"name":"pid","inputSchema":{"type":"object"}},{"name":"env","inputSchema":{"type":"object"}},{"name":"fail","inputSchema":{"type":"object"}},{"name":"count","inputSchema":{"type":"object"}}`

// fakeServer speaks MCP by hand, so that it can do what no library does.
func fakeServer(mode string) {
	out := bufio.NewWriter(os.Stdout)
	answer := func(id json.RawMessage, body string) {
		fmt.Fprintf(out, `{"jsonrpc":"2.0","id":%s,%s}`+"\n", id, body)
		out.Flush()
	}
	grandchild := 0
	switch mode {
	case "sleeper":
		time.Sleep(time.Hour)
	case "deaf":
		time.Sleep(time.Hour) // reads nothing, not even the end of its input
	case "gone":
		fmt.Fprintln(os.Stderr, "cannot find the database")
		os.Exit(3)
	case "garbage":
		fmt.Println("Welcome to the server!\n{not json}")
	case "babble":
		for range maxGarbage + 10 {
			fmt.Println("INFO still starting")
		}
	case "greeting":
		fmt.Println("Starting the server on standard output ...")
	case "grandchild":
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), fakeVar+"=sleeper")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if cmd.Start() != nil {
			os.Exit(4)
		}
		grandchild = cmd.Process.Pid
	}
	calls := 0
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var r fakeRequest
		if json.Unmarshal(in.Bytes(), &r) != nil || r.ID == nil {
			continue
		}
		switch r.Method {
		case "initialize":
			if mode == "silent" || mode == "garbage" || mode == "babble" {
				continue
			}
			version := "2025-06-18"
			if mode == "version" {
				version = "1999-01-01"
			}
			answer(r.ID, `"result":{"protocolVersion":"`+version+`","capabilities":{"tools":{}},"serverInfo":{"name":"fake","version":"1.2"}}`)
		case "tools/list":
			answer(r.ID, fakeList(mode, r.Params.Cursor))
		case "tools/call":
			calls++
			fakeCall(mode, r, calls, grandchild, out, answer)
		default:
			if mode != "silent" {
				answer(r.ID, `"error":{"code":-32601,"message":"no such method"}`)
			}
		}
	}
}

func fakeList(mode, cursor string) string {
	switch mode {
	case "many":
		var b strings.Builder
		for i := range 100_000 {
			fmt.Fprintf(&b, `{"name":"tool-%d","inputSchema":{"type":"object"}},`, i)
		}
		return `"result":{"tools":[` + b.String() + fakeTools + `]}`
	case "endless":
		n, _ := strconv.Atoi(cursor)
		return fmt.Sprintf(`"result":{"tools":[{"name":"tool-%d","inputSchema":{"type":"object"}}],"nextCursor":"%d"}`, n, n+1)
	case "circle":
		return `"result":{"tools":[{"name":"tool-` + cursor + `","inputSchema":{"type":"object"}}],"nextCursor":"a"}`
	case "twice":
		return `"result":{"tools":[` + fakeTools + `,{"name":"pid","description":"again"},{"name":5},{"name":"long","description":"` + strings.Repeat("x", 20000) + `"},{"name":"wide","inputSchema":{"type":"object","title":"` + strings.Repeat("y", 70000) + `"}}]}`
	case "nolist":
		return `"error":{"code":-32603,"message":"the catalogue is closed today"}`
	case "notools":
		return `"result":{"tools":"none"}`
	case "changing":
		path := os.Getenv("COUNTER")
		data, _ := os.ReadFile(path)
		os.WriteFile(path, append(data, 'x'), 0o600)
		return fmt.Sprintf(`"result":{"tools":[%s,{"name":"extra-%d"}]}`, fakeTools, len(data))
	}
	return `"result":{"tools":[` + fakeTools + `]}`
}

func fakeCall(mode string, r fakeRequest, calls, grandchild int, out *bufio.Writer, answer func(json.RawMessage, string)) {
	text := func(s string) {
		quoted, _ := json.Marshal(s)
		answer(r.ID, `"result":{"content":[{"type":"text","text":`+string(quoted)+`}]}`)
	}
	switch mode {
	case "hang":
		time.Sleep(time.Hour)
	case "flood":
		for {
			fmt.Fprintf(out, `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"%s"}}`+"\n", strings.Repeat("z", 1000))
		}
	case "line":
		for {
			out.WriteString(`{"jsonrpc":"2.0","method":"`)
		}
	case "huge":
		fmt.Fprintf(out, `{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"`, r.ID)
		chunk := strings.Repeat("h", 1<<20)
		for range 100 {
			out.WriteString(chunk)
		}
		out.WriteString(`"}]}}` + "\n")
		out.Flush()
	case "big":
		text(strings.Repeat("b", 2<<20))
	case "exit":
		fmt.Fprintln(os.Stderr, "panic: out of cheese")
		os.Exit(7)
	case "nonsense":
		answer(r.ID, `"result":{"content":{"type":"text"}}`)
	case "stopped":
		out.WriteString(`{"jsonrpc":"2.0","id":`)
		out.Flush()
		os.Stdout.Close()
		time.Sleep(time.Hour)
	case "grandchild":
		text(strconv.Itoa(grandchild))
	}
	var args map[string]string
	json.Unmarshal(r.Params.Arguments, &args)
	switch r.Params.Name {
	case "echo-it":
		answer(r.ID, `"result":{"content":[{"type":"text","text":"told"}],"structuredContent":{"z":12345678901234567890,"a": {"text":`+strconv.Quote(args["text"])+`}}}`)
	case "files.write":
		if err := os.WriteFile(args["path"], []byte(args["text"]), 0o600); err != nil {
			answer(r.ID, `"result":{"content":[{"type":"text","text":`+strconv.Quote(err.Error())+`}],"isError":true}`)
			return
		}
		text("wrote " + args["path"])
	case "pid":
		text(strconv.Itoa(os.Getpid()))
	case "env":
		text(strings.Join(os.Environ(), "\n"))
	case "count":
		text(strconv.Itoa(calls))
	case "fail":
		answer(r.ID, `"result":{"content":[{"type":"text","text":"there is no such record"}],"isError":true}`)
	default:
		answer(r.ID, `"error":{"code":-32602,"message":"no such tool"}`)
	}
}

// settle waits until no more goroutines run than before the test.
func settle(t *testing.T, before int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// ended waits until a process is gone, or a zombie that nobody in a container collects.
func ended(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if syscall.Kill(pid, 0) != nil {
			return
		}
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
			if _, rest, ok := strings.Cut(string(stat), ") "); ok && strings.HasPrefix(rest, "Z") {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d still runs", pid)
		}
	}
}
