package metrics

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func ptr(v float64) *float64 { return &v }

func TestRowMatchesTheDocumentedLine(t *testing.T) {
	r := Row{
		Step: 12, Tokens: 49152, Seconds: 8.31, Loss: 4.21, LR: 0.002, GradNorm: 0.83, TokensPerSecond: 5312, FlopsPerSecond: 1.1e11,
		PeakShare: 0.61, MaxLogit: [][]float32{{1.5, 0.1}, {2, 3}}, ExpertLoad: [][]float32{{0.25, 0.75}},
		UpdateRMS: map[string]float64{"router": 0.5, "attention": 0.0004}, ClippedHeads: 1,
	}
	const want = `{"step":12,"tokens":49152,"seconds":8.31,"loss":4.21,"aux_loss":0,"lr":0.002,"grad_norm":0.83,"tokens_per_second":5312,` +
		`"flops_per_second":1.1e+11,"peak_share":0.61,"max_logit":[[1.5,0.1],[2,3]],"expert_load":[[0.25,0.75]],` +
		`"update_rms":{"attention":0.0004,"router":0.5},"clipped_heads":1,"val_loss":null,"skipped":false}`
	if diff := cmp.Diff(want, string(r.AppendJSON(nil))); diff != "" {
		t.Errorf("row differs (-want +got):\n%s", diff)
	}
}

func TestEventMatchesTheDocumentedLine(t *testing.T) {
	for _, c := range []struct {
		e    Event
		want string
	}{
		{Event{Step: 12, Kind: KindQKClip, Layer: 2, Head: 0, MaxLogit: 131.2, Gamma: 0.76}, `{"step":12,"kind":"qk_clip","layer":2,"head":0,"max_logit":131.2,"gamma":0.76}`},
		{Event{Step: 40, Kind: KindSpike, Signal: "loss", Value: 9, Z: 7.1, Action: ActionSkip, Docs: []string{"go-src:123"}}, `{"step":40,"kind":"spike","signal":"loss","value":9,"z":7.1,"action":"skip","docs":["go-src:123"]}`},
		{Event{Step: 9, Kind: KindNaN, Op: "attention", Layer: 3}, `{"step":9,"kind":"nan","layer":3,"op":"attention"}`},
		{Event{Step: 9, Kind: KindNaN, Op: "loss", Layer: -1}, `{"step":9,"kind":"nan","op":"loss"}`},
		{Event{Step: 100, Kind: KindResume}, `{"step":100,"kind":"resume"}`},
		{Event{Step: 100, Kind: KindCheckpoint, Path: "checkpoints/step-000100"}, `{"step":100,"kind":"checkpoint","path":"checkpoints/step-000100"}`},
		{Event{Step: 7, Kind: KindSpike, Signal: "loss", Action: ActionRollback}, `{"step":7,"kind":"spike","signal":"loss","value":0,"z":0,"action":"rollback","to":0}`},
	} {
		if diff := cmp.Diff(c.want, string(c.e.AppendJSON(nil))); diff != "" {
			t.Errorf("%s event differs (-want +got):\n%s", c.e.Kind, diff)
		}
	}
}

// anyFloat draws numbers with the awkward ones over-represented.
func anyFloat() *rapid.Generator[float64] {
	return rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, 1e-320, math.MaxFloat64}))
}

func anyMatrix() *rapid.Generator[[][]float32] {
	row := rapid.SliceOfN(rapid.OneOf(rapid.Float32(), rapid.SampledFrom([]float32{float32(math.NaN()), float32(math.Inf(1)), 1e-45})), 0, 5)
	return rapid.SliceOfN(row, 0, 4)
}

func TestRoundTrip(t *testing.T) {
	same := []cmp.Option{cmpopts.EquateNaNs(), cmpopts.EquateEmpty()}
	rapid.Check(t, func(t *rapid.T) {
		f := anyFloat()
		r := Row{
			Step: rapid.Int64().Draw(t, "step"), Tokens: rapid.Int64().Draw(t, "tokens"), Seconds: f.Draw(t, "seconds"), Loss: f.Draw(t, "loss"),
			AuxLoss: f.Draw(t, "aux"), LR: f.Draw(t, "lr"), GradNorm: f.Draw(t, "norm"), TokensPerSecond: f.Draw(t, "tps"),
			FlopsPerSecond: f.Draw(t, "fps"), PeakShare: f.Draw(t, "share"), MaxLogit: anyMatrix().Draw(t, "logit"), ExpertLoad: anyMatrix().Draw(t, "load"),
			UpdateRMS: rapid.MapOfN(rapid.String(), f, 0, 20).Draw(t, "rms"), ClippedHeads: rapid.Int().Draw(t, "heads"), Skipped: rapid.Bool().Draw(t, "skipped"),
		}
		if rapid.Bool().Draw(t, "eval") {
			r.ValLoss = ptr(f.Draw(t, "val"))
			r.ValLossBy = map[string]float64{"call": f.Draw(t, "call"), "answer": f.Draw(t, "answer")}
		}
		line := r.AppendJSON(nil)
		var back Row
		if err := json.Unmarshal(line, &back); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if diff := cmp.Diff(r, back, same...); diff != "" {
			t.Fatalf("row changed (-want +got):\n%s", diff)
		}

		s := Sample{Step: r.Step, Prompt: rapid.String().Draw(t, "prompt"), Text: string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")), Temperature: f.Draw(t, "temp")}
		line = s.AppendJSON(nil)
		if bytes.ContainsAny(line, "\n\r\u2028\u2029") {
			t.Fatalf("%q is more than one line", line)
		}
		var sample Sample
		if err := json.Unmarshal(line, &sample); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		s.Prompt, s.Text = validRunes(s.Prompt), validRunes(s.Text)
		if diff := cmp.Diff(s, sample, same...); diff != "" {
			t.Fatalf("sample changed (-want +got):\n%s", diff)
		}
	})
}

// validRunes replaces each bad byte, as encoding/json and appendString do.
func validRunes(s string) string { return string([]rune(s)) }

func TestForeignSpellings(t *testing.T) {
	const text = "\n" + `{"step":1,"loss":null,"max_logit":[ [1, "NaN"] , [] ],"expert_load":null,"later_field":{"a":[1]}}` + "\n\n"
	rows, err := Collect(ReadRows("m", strings.NewReader(text)))
	if err != nil || len(rows) != 1 {
		t.Fatalf("got %d rows, %v", len(rows), err)
	}
	want := Row{Step: 1, Loss: math.NaN(), MaxLogit: [][]float32{{1, float32(math.NaN())}, {}}}
	if diff := cmp.Diff(want, rows[0], cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{`{"loss":1}`, `{"step":1,"loss":"big"}`, `{"step":1,"max_logit":[1]}`, `{"step":1,"max_logit":[[[1]]]}`, `{"step":1,"max_logit":[["x"]]}`, `{"step":1,"max_logit":{"a":1}}`, `[]`} {
		if rows, err := Collect(ReadRows("m.jsonl", strings.NewReader(bad+"\n"))); err == nil {
			t.Errorf("%s read as %+v", bad, rows)
		} else if !strings.Contains(err.Error(), "m.jsonl:1: ") {
			t.Errorf("error %q does not say m.jsonl:1", err)
		}
	}
}

func TestScalars(t *testing.T) {
	r := Row{
		Step: 1, Loss: 2, ValLoss: ptr(3), MaxLogit: [][]float32{{1, 7}, {4, 5}}, ExpertLoad: [][]float32{{0.5, 0.25, 0.25, 0}},
		UpdateRMS: map[string]float64{"b": 2, "a": 1},
	}
	got := map[string]float64{}
	var order []string
	for tag, v := range r.Scalars() {
		got[tag] = v
		order = append(order, tag)
	}
	for tag, want := range map[string]float64{
		"loss/train": 2, "loss/val": 3, "attention/max_logit": 7, "attention/max_logit/layer_00": 7, "attention/max_logit/layer_01": 5,
		"experts/max_load_ratio/moe_layer_00": 2, "update_rms/a": 1, "update_rms/b": 2,
	} {
		if v, ok := got[tag]; !ok || v != want {
			t.Errorf("%s = %v (present %v), want %v", tag, v, ok, want)
		}
	}
	if n := len(order); order[n-2] != "update_rms/a" {
		t.Errorf("tags are not in a fixed order: %q", order)
	}
	if v := LoadRatio(make([]float32, 4)); !math.IsNaN(v) {
		t.Errorf("load ratio of nothing is %v, want NaN", v)
	}
}

func FuzzReadRows(f *testing.F) {
	f.Add([]byte(`{"step":1,"loss":"NaN","max_logit":[[1,2],[3]],"update_rms":{"a":1}}` + "\n" + `{"step":2`))
	f.Add([]byte("\x00\x00\n{}\n"))
	f.Add([]byte(`{"step":1,"max_logit":["]",[["NaN"` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for r, err := range ReadRows("f", bytes.NewReader(data)) {
			if err != nil {
				continue
			}
			// What is read once is written and read again as the same bytes.
			line := r.AppendJSON(nil)
			var back Row
			if err := json.Unmarshal(line, &back); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			if again := back.AppendJSON(nil); !bytes.Equal(line, again) {
				t.Fatalf("%s became %s", line, again)
			}
		}
	})
}

func FuzzReadEvents(f *testing.F) {
	f.Add([]byte(`{"step":12,"kind":"qk_clip","layer":2,"head":3,"max_logit":131.2,"gamma":0.76}` + "\n"))
	f.Add([]byte(`{"step":9,"kind":"x","layer":-1,"docs":["a"],"to":3,"message":"\u2028"}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for e, err := range ReadEvents("f", bytes.NewReader(data)) {
			if err != nil {
				continue
			}
			line := e.AppendJSON(nil)
			var back Event
			if err := json.Unmarshal(line, &back); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			if again := back.AppendJSON(nil); !bytes.Equal(line, again) {
				t.Fatalf("%s became %s", line, again)
			}
		}
	})
}

func FuzzReadSamples(f *testing.F) {
	f.Add([]byte(`{"step":200,"prompt":"a\ud800","text":"b","temperature":0.8}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for s, err := range ReadSamples("f", bytes.NewReader(data)) {
			if err != nil {
				continue
			}
			var back Sample
			if err := json.Unmarshal(s.AppendJSON(nil), &back); err != nil || back.Text != s.Text {
				t.Fatalf("%+v became %+v: %v", s, back, err)
			}
		}
	})
}
