package metrics

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// number reads what appendFloat writes, and null as NaN.
type number float64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(b []byte) error {
	v, err := parseNumber(string(b), 64)
	*n = number(v)
	return err
}

func parseNumber(s string, bits int) (float64, error) {
	switch s {
	case `"NaN"`, "null":
		return math.NaN(), nil
	case `"Infinity"`:
		return math.Inf(1), nil
	case `"-Infinity"`:
		return math.Inf(-1), nil
	}
	v, err := strconv.ParseFloat(s, bits)
	if err != nil {
		return 0, fmt.Errorf("%s is not a number, \"NaN\", \"Infinity\" or \"-Infinity\"", s)
	}
	return v, nil
}

// matrix reads [[...],...] without the reflection of encoding/json: it is most of a row's bytes.
type matrix [][]float32

// UnmarshalJSON implements json.Unmarshaler. The caller has checked that b is valid JSON, so strings hold no
// brackets or commas worth minding: any string but the three non-finite ones is an error.
func (m *matrix) UnmarshalJSON(b []byte) error {
	*m = nil
	if string(b) == "null" {
		return nil
	}
	depth, start := 0, -1
	var rows [][]float32
	var row []float32
	end := func(i int) error {
		if start < 0 {
			return nil
		}
		v, err := parseNumber(string(b[start:i]), 32)
		if err != nil {
			return err
		}
		row = append(row, float32(v))
		start = -1
		return nil
	}
	for i, c := range b {
		switch c {
		case '[':
			if depth++; depth > 2 || start >= 0 {
				return fmt.Errorf("want a list of lists of numbers, found deeper nesting")
			}
			row = nil
			if depth == 2 && len(rows) > 0 {
				row = make([]float32, 0, len(rows[len(rows)-1]))
			}
		case ']':
			if err := end(i); err != nil {
				return err
			}
			if depth--; depth == 1 {
				rows = append(rows, row)
			}
		case ',':
			if err := end(i); err != nil {
				return err
			}
		case ' ', '\t', '\r', '\n':
			if err := end(i); err != nil {
				return err
			}
		default:
			if depth != 2 {
				return fmt.Errorf("want a list of lists of numbers, found %q outside an inner list", c)
			}
			if start < 0 {
				start = i
			}
		}
	}
	*m = rows
	return nil
}

// UnmarshalJSON implements json.Unmarshaler. Unknown fields are ignored, so that old programs read new files.
func (r *Row) UnmarshalJSON(b []byte) error {
	var f struct {
		Step            *int64            `json:"step"`
		Tokens          int64             `json:"tokens"`
		Seconds         number            `json:"seconds"`
		Loss            number            `json:"loss"`
		AuxLoss         number            `json:"aux_loss"`
		LR              number            `json:"lr"`
		GradNorm        number            `json:"grad_norm"`
		TokensPerSecond number            `json:"tokens_per_second"`
		FlopsPerSecond  number            `json:"flops_per_second"`
		PeakShare       number            `json:"peak_share"`
		MaxLogit        matrix            `json:"max_logit"`
		ExpertLoad      matrix            `json:"expert_load"`
		UpdateRMS       map[string]number `json:"update_rms"`
		ClippedHeads    int               `json:"clipped_heads"`
		ValLoss         *number           `json:"val_loss"`
		ValLossBy       map[string]number `json:"val_loss_by"`
		Skipped         bool              `json:"skipped"`
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	if f.Step == nil {
		return errNoStep
	}
	*r = Row{
		Step: *f.Step, Tokens: f.Tokens, Seconds: float64(f.Seconds), Loss: float64(f.Loss), AuxLoss: float64(f.AuxLoss),
		LR: float64(f.LR), GradNorm: float64(f.GradNorm), TokensPerSecond: float64(f.TokensPerSecond),
		FlopsPerSecond: float64(f.FlopsPerSecond), PeakShare: float64(f.PeakShare), MaxLogit: f.MaxLogit, ExpertLoad: f.ExpertLoad,
		ClippedHeads: f.ClippedHeads, Skipped: f.Skipped,
	}
	r.UpdateRMS, r.ValLossBy = floats(f.UpdateRMS), floats(f.ValLossBy)
	if f.ValLoss != nil {
		v := float64(*f.ValLoss)
		r.ValLoss = &v
	}
	return nil
}

// UnmarshalJSON implements json.Unmarshaler. Unknown fields are ignored.
func (e *Event) UnmarshalJSON(b []byte) error {
	f := struct {
		Step     *int64   `json:"step"`
		Kind     string   `json:"kind"`
		Layer    int      `json:"layer"`
		Head     int      `json:"head"`
		MaxLogit number   `json:"max_logit"`
		Gamma    number   `json:"gamma"`
		Signal   string   `json:"signal"`
		Value    number   `json:"value"`
		Z        number   `json:"z"`
		Action   string   `json:"action"`
		To       int64    `json:"to"`
		Docs     []string `json:"docs"`
		Op       string   `json:"op"`
		Path     string   `json:"path"`
		Message  string   `json:"message"`
	}{Layer: -1, Head: -1}
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	if f.Step == nil {
		return errNoStep
	}
	*e = Event{
		Step: *f.Step, Kind: f.Kind, Layer: f.Layer, Head: f.Head, MaxLogit: float64(f.MaxLogit), Gamma: float64(f.Gamma),
		Signal: f.Signal, Value: float64(f.Value), Z: float64(f.Z), Action: f.Action, To: f.To, Docs: f.Docs, Op: f.Op,
		Path: f.Path, Message: f.Message,
	}
	return nil
}

// UnmarshalJSON implements json.Unmarshaler. Unknown fields are ignored.
func (s *Sample) UnmarshalJSON(b []byte) error {
	var f struct {
		Step        *int64 `json:"step"`
		Prompt      string `json:"prompt"`
		Text        string `json:"text"`
		Temperature number `json:"temperature"`
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	if f.Step == nil {
		return errNoStep
	}
	*s = Sample{Step: *f.Step, Prompt: f.Prompt, Text: f.Text, Temperature: float64(f.Temperature)}
	return nil
}

func floats(m map[string]number) map[string]float64 {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]float64, len(m))
	for k, v := range m {
		out[k] = float64(v)
	}
	return out
}
