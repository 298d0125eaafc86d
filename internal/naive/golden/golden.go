// Package golden holds tiny models with the numbers that the PyTorch reference computes for them:
// logits, loss, attention logits, expert load and every gradient, in float32. Tests of every
// implementation of the model compare against the same cases. testdata/golden.sh makes the files.
package golden

import (
	"embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"muonclip/model"
)

// Case is one model, one batch and the numbers of the reference for them.
type Case struct {
	Name       string
	Config     model.Config
	IDs        [][]int32            // rows of T+1 tokens
	Weights    map[string][]float64 // by Hugging Face name, row-major
	Grads      map[string][]float64 // of every weight but the correction biases
	Logits     []float64            // B*T*V
	Loss       float64
	MaxLogit   []float64 // layers * heads
	ExpertLoad []float64 // MoE layers * experts, empty for a dense model
}

//go:embed testdata/*/*.json testdata/*/*.safetensors
var files embed.FS

// Cases reads all cases, in order of their names.
func Cases() ([]Case, error) {
	dirs, err := files.ReadDir("testdata")
	if err != nil {
		return nil, fmt.Errorf("golden: %w", err)
	}
	var cases []Case
	for _, dir := range dirs {
		c, err := read(dir.Name())
		if err != nil {
			return nil, fmt.Errorf("golden: case %s: %w", dir.Name(), err)
		}
		cases = append(cases, c)
	}
	return cases, nil
}

func read(name string) (Case, error) {
	c := Case{Name: name, Weights: map[string][]float64{}, Grads: map[string][]float64{}}
	if err := readJSON(name, "config.json", &c.Config); err != nil {
		return c, err
	}
	if err := readJSON(name, "tokens.json", &c.IDs); err != nil {
		return c, err
	}
	raw, err := files.ReadFile("testdata/" + name + "/trace.safetensors")
	if err != nil {
		return c, err
	}
	tensors, err := decode(raw)
	if err != nil {
		return c, err
	}
	for key, data := range tensors {
		if w, ok := strings.CutPrefix(key, "param."); ok {
			c.Weights[w] = data
		} else if g, ok := strings.CutPrefix(key, "grad."); ok {
			c.Grads[g] = data
		}
	}
	c.Logits, c.MaxLogit, c.ExpertLoad = tensors["logits"], tensors["max_logit"], tensors["expert_load"]
	if len(tensors["loss"]) != 1 {
		return c, fmt.Errorf("trace has %d losses, want 1", len(tensors["loss"]))
	}
	c.Loss = tensors["loss"][0]
	return c, nil
}

func readJSON(name, file string, into any) error {
	raw, err := files.ReadFile("testdata/" + name + "/" + file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// decode reads the float32 tensors of a safetensors file: the length of a JSON header, the header, the data.
// It trusts the embedded files and is no reader for files of others.
func decode(raw []byte) (map[string][]float64, error) {
	size := binary.LittleEndian.Uint64(raw)
	var header map[string]struct {
		DType   string   `json:"dtype"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	if err := json.Unmarshal(raw[8:8+size], &header); err != nil {
		return nil, fmt.Errorf("safetensors header: %w", err)
	}
	data := raw[8+size:]
	out := map[string][]float64{}
	for name, t := range header {
		if t.DType != "F32" {
			return nil, fmt.Errorf("tensor %s is %s, want F32", name, t.DType)
		}
		values := make([]float64, 0, (t.Offsets[1]-t.Offsets[0])/4)
		for i := t.Offsets[0]; i < t.Offsets[1]; i += 4 {
			values = append(values, float64(math.Float32frombits(binary.LittleEndian.Uint32(data[i:]))))
		}
		out[name] = values
	}
	return out, nil
}
