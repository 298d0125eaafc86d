package metrics

import (
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends the row as one JSON object without a line end. It allocates only to grow dst.
func (r *Row) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"step":`...)
	dst = strconv.AppendInt(dst, r.Step, 10)
	dst = append(dst, `,"tokens":`...)
	dst = strconv.AppendInt(dst, r.Tokens, 10)
	dst = appendNumber(dst, "seconds", r.Seconds)
	dst = appendNumber(dst, "loss", r.Loss)
	dst = appendNumber(dst, "aux_loss", r.AuxLoss)
	dst = appendNumber(dst, "lr", r.LR)
	dst = appendNumber(dst, "grad_norm", r.GradNorm)
	dst = appendNumber(dst, "tokens_per_second", r.TokensPerSecond)
	dst = appendNumber(dst, "flops_per_second", r.FlopsPerSecond)
	dst = appendNumber(dst, "peak_share", r.PeakShare)
	dst = appendMatrix(dst, "max_logit", r.MaxLogit)
	dst = appendMatrix(dst, "expert_load", r.ExpertLoad)
	dst = append(dst, `,"update_rms":{`...)
	var room [16]string // more kinds than this allocate, which is still correct
	dst = appendNumbers(dst, sortedKeys(room[:0], r.UpdateRMS), r.UpdateRMS)
	dst = append(dst, `},"clipped_heads":`...)
	dst = strconv.AppendInt(dst, int64(r.ClippedHeads), 10)
	if r.ValLoss != nil {
		dst = appendNumber(dst, "val_loss", *r.ValLoss)
	} else {
		dst = append(dst, `,"val_loss":null`...)
	}
	if len(r.ValLossBy) > 0 {
		dst = append(dst, `,"val_loss_by":{`...)
		dst = appendNumbers(dst, sortedKeys(room[:0], r.ValLossBy), r.ValLossBy)
		dst = append(dst, '}')
	}
	dst = append(dst, `,"skipped":`...)
	dst = strconv.AppendBool(dst, r.Skipped)
	return append(dst, '}')
}

// appendNumbers appends the members of a JSON object, in the order of the keys.
func appendNumbers(dst []byte, keys []string, values map[string]float64) []byte {
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, k)
		dst = append(dst, ':')
		dst = appendFloat(dst, values[k], 64)
	}
	return dst
}

// AppendJSON appends the event as one JSON object without a line end.
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"step":`...)
	dst = strconv.AppendInt(dst, e.Step, 10)
	dst = append(dst, `,"kind":`...)
	dst = appendString(dst, e.Kind)
	known := e.Kind == KindQKClip || e.Kind == KindSpike || e.Kind == KindNaN || e.Kind == KindResume || e.Kind == KindCheckpoint
	clip := e.Kind == KindQKClip
	if clip || (e.Kind == KindNaN && e.Layer >= 0) || (!known && e.Layer > 0) {
		dst = appendInt(dst, "layer", int64(e.Layer))
	}
	if clip || (!known && e.Head > 0) {
		dst = appendInt(dst, "head", int64(e.Head))
	}
	if clip || e.MaxLogit != 0 {
		dst = appendNumber(dst, "max_logit", e.MaxLogit)
	}
	if clip || e.Gamma != 0 {
		dst = appendNumber(dst, "gamma", e.Gamma)
	}
	spike := e.Kind == KindSpike
	dst = appendText(dst, "signal", e.Signal)
	if spike || e.Value != 0 {
		dst = appendNumber(dst, "value", e.Value)
	}
	if spike || e.Z != 0 {
		dst = appendNumber(dst, "z", e.Z)
	}
	dst = appendText(dst, "action", e.Action)
	if e.To != 0 || e.Action == ActionRollback {
		dst = appendInt(dst, "to", e.To)
	}
	if len(e.Docs) > 0 {
		dst = append(dst, `,"docs":[`...)
		for i, d := range e.Docs {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendString(dst, d)
		}
		dst = append(dst, ']')
	}
	dst = appendText(dst, "op", e.Op)
	dst = appendText(dst, "path", e.Path)
	dst = appendText(dst, "message", e.Message)
	return append(dst, '}')
}

// AppendJSON appends the sample as one JSON object without a line end.
func (s *Sample) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"step":`...)
	dst = strconv.AppendInt(dst, s.Step, 10)
	dst = append(dst, `,"prompt":`...)
	dst = appendString(dst, s.Prompt)
	dst = append(dst, `,"text":`...)
	dst = appendString(dst, s.Text)
	dst = appendNumber(dst, "temperature", s.Temperature)
	return append(dst, '}')
}

func appendInt(dst []byte, key string, v int64) []byte {
	dst = append(append(append(dst, ',', '"'), key...), '"', ':')
	return strconv.AppendInt(dst, v, 10)
}

func appendNumber(dst []byte, key string, v float64) []byte {
	dst = append(append(append(dst, ',', '"'), key...), '"', ':')
	return appendFloat(dst, v, 64)
}

func appendText(dst []byte, key, v string) []byte {
	if v == "" {
		return dst
	}
	dst = append(append(append(dst, ',', '"'), key...), '"', ':')
	return appendString(dst, v)
}

func appendMatrix(dst []byte, key string, m [][]float32) []byte {
	dst = append(append(append(dst, ',', '"'), key...), '"', ':', '[')
	for i, row := range m {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '[')
		for j, v := range row {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = appendFloat(dst, float64(v), 32)
		}
		dst = append(dst, ']')
	}
	return append(dst, ']')
}

// appendFloat writes the shortest text that reads back to the same number of the given size.
func appendFloat(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, bits)
}

// appendString writes a JSON string. Invalid UTF-8 becomes U+FFFD, because generated bytes may be anything;
// the two line separators of JavaScript are escaped so that one object is one line for every reader.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s { // ranging gives utf8.RuneError for each bad byte
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r < 0x20 || r == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		case r == 0x2028 || r == 0x2029:
			dst = append(dst, '\\', 'u', '2', '0', '2', hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

func sortedKeys(dst []string, m map[string]float64) []string {
	for k := range m {
		dst = append(dst, k)
	}
	slices.Sort(dst)
	return dst
}
