package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"muonclip/synth/judge"
)

// runOne runs one command and gives its exit code and output.
func runOne(t *testing.T, make func(*globals) *cobra.Command, args ...string) (code int, out string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := make(&globals{stdout: &stdout, stderr: &stderr, logFormat: "text"})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	if err != nil {
		stderr.WriteString(err.Error())
	}
	return exitCode(t.Context(), err), stdout.String() + stderr.String()
}

// endpoint answers chat completions by a function of the body of the request.
func endpoint(t *testing.T, answer func(body string) string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		err = json.NewEncoder(w).Encode(map[string]any{"id": "1", "object": "chat.completion", "created": 1, "model": "m",
			"choices": []any{map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": answer(string(body))}}},
			"usage":   map[string]int{"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}})
		if err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/v1"
}

// TestSynthJudge judges a data set offline and by a model that passes everything.
func TestSynthJudge(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long; not with -short")
	}
	dir := filepath.Join(t.TempDir(), "dialogues")
	if code, stdout, stderr := runSynth(t, "generate", "--n", "40", "--seed", "5", "--out", dir); code != exitOK {
		t.Fatal(stdout, stderr)
	}
	code, out := runOne(t, newSynthJudgeCommand, dir, "--offline", "--planted", "2")
	if code != exitOK || !strings.Contains(out, "user_wrong_value") || !strings.Contains(out, "says agent") {
		t.Errorf("exit code %d: %s", code, out)
	}
	url := endpoint(t, func(string) string {
		return `{"verdict":"pass","fault":null,"criterion":null,"message":null,"reason":"Fine."}`
	})
	code, out = runOne(t, newSynthJudgeCommand, dir, "--url", url, "--model", "m", "--votes", "3", "--n", "10", "--planted", "1", "--json", "--teacher-dir", filepath.Join(t.TempDir(), "teacher"))
	var r judge.Report
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&r); err != nil || code != exitOK {
		t.Fatalf("exit code %d, %v: %s", code, err, out)
	}
	if r.Rows != 10 || r.Passed != 10 || r.Measured == nil || r.Measured.Recall.Hits != 0 || r.Measured.Recall.Of < 10 || r.Measured.FalseAlarms.Hits != 0 {
		t.Errorf("%s", out)
	}
	for _, args := range [][]string{{dir}, {dir, "--offline", "--url", url, "--model", "m"}, {dir, "--url", "nonsense", "--model", "m"}, {dir, "--url", url, "--model", "m", "--budget", "1"}} {
		if code, out := runOne(t, newSynthJudgeCommand, args...); code != exitUsage {
			t.Errorf("%v: exit code %d: %s", args, code, out)
		}
	}
}

// TestSynthEvolve lets a model behind an endpoint write a copy of a domain that is there, which must be refused.
func TestSynthEvolve(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long; not with -short")
	}
	file, err := os.ReadFile("../../synth/domain/files/vineyard.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("domain: vineyard", "domain: cider_press", "service: ", "service: Other ").Replace(string(file))
	url := endpoint(t, func(body string) string {
		if strings.Contains(body, "json_object") {
			return `{"domains":[{"domain":"cider_press","category":"food","title":"Cider press","about":"Fruit and juice."}]}`
		}
		return "```yaml\n" + text + "```"
	})
	dir := filepath.Join(t.TempDir(), "domains")
	code, out := runOne(t, newSynthEvolveCommand, "--url", url, "--model", "m", "--n", "1", "--candidates", "1", "--repairs", "-1", "--out", dir)
	if code != exitOK || !strings.Contains(out, "dropped at near_duplicate") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "report.json")); err != nil {
		t.Error(err)
	}
	if code, out := runOne(t, newSynthEvolveCommand, "--n", "1"); code != exitUsage {
		t.Errorf("exit code %d without an endpoint: %s", code, out)
	}
}
