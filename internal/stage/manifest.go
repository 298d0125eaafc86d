package stage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"muonclip/internal/atomicfile"
)

// Manifest tells what a run was made of: build, inputs, machine. It is manifest.json of the run folder.
type Manifest struct {
	Version   string `json:"muonclip_version"` // of the build, with the commit where known
	GoVersion string `json:"go_version"`
	CPU       string `json:"cpu"`
	Kernels   string `json:"kernels"` // instruction set of the matrix kernels
	Threads   int    `json:"threads"`
	Device    string `json:"device,omitempty"` // GPU that trained; empty for the processor
	Command   string `json:"command"`
	Preset    string `json:"preset"`
	Seed      uint64 `json:"seed"`

	ParametersTotal     int64   `json:"parameters_total"`
	ParametersActivated int64   `json:"parameters_activated"`
	PeakGflops          float64 `json:"peak_gflops"` // measured matrix product rate

	Documents   int64           `json:"documents"`    // kept, training and held-out
	TokensTrain int64           `json:"tokens_train"` // one epoch
	TokensVal   int64           `json:"tokens_val"`
	TokensEval  int64           `json:"tokens_eval"`  // held-out targets of each evaluation
	UnigramLoss float64         `json:"unigram_loss"` // of a unigram model on the targets of an evaluation, nats per token
	Corpus      json.RawMessage `json:"corpus,omitempty"`

	From        string `json:"from,omitempty"`         // checkpoint that a later stage began with
	FromWeights string `json:"from_weights,omitempty"` // fingerprint of its weights

	TokenizerFingerprint string            `json:"tokenizer_fingerprint"`
	ConfigFingerprint    string            `json:"config_fingerprint"`
	Shards               map[string]string `json:"shards"` // fingerprint by source and split

	Started  string `json:"started"` // RFC 3339
	Finished string `json:"finished,omitempty"`
}

// describe fills in what does not depend on the work.
func (r *Run) describe() Manifest {
	return Manifest{
		Version: Version(), GoVersion: runtime.Version(), CPU: cpuName(), Command: r.Command, Preset: r.Config.Preset, Seed: r.Config.Seed,
		ConfigFingerprint: r.Config.Fingerprint(), Started: time.Now().UTC().Format(time.RFC3339),
	}
}

func (r *Run) writeManifest(m Manifest) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	return atomicfile.WriteFile(r.path("manifest.json"), b.Bytes())
}

// readManifest reads manifest.json. It is empty where there is none or none that can be read: it is
// written anew then.
func (r *Run) readManifest() Manifest {
	var m Manifest
	data, err := os.ReadFile(r.path("manifest.json"))
	if err != nil || json.Unmarshal(data, &m) != nil {
		return Manifest{}
	}
	return m
}

// Version is the module version, and the commit where the build knows it.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			v += " " + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			v += " (modified)"
		}
	}
	return v
}

// cpuName is what Linux calls the processor, or the architecture elsewhere.
func cpuName() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
