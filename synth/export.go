package synth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"muonclip/data/chat"
	"muonclip/internal/atomicfile"
	"muonclip/synth/dataset"
)

// ExportFormats lists the formats that Export knows.
func ExportFormats() []string { return []string{"openai", "hermes", "sharegpt", "kimi-k2", "ms-swift"} }

// Exported is what Export did.
type Exported struct {
	Dialogues int `json:"dialogues"`
	// Lost counts the dialogues left out because the format has no place for something in them, such as a turn that
	// should not be learned.
	Lost int `json:"lost"`
}

// Export writes the dialogues of a data set in another format, one JSON object a line, to a file that appears whole, or to
// w where path is "".
//
//	openai    {"messages": [...], "tools": [...]}
//	sharegpt  {"conversations": [...], "system": "...", "tools": "..."}
//	ms-swift  {"tools": "...", "messages": [...]}
//	kimi-k2   {"text": "...", "trained": [[from, to], ...]}: what Kimi K2's chat template renders, and which characters
//	          the assistant wrote, counted in Unicode code points
//	hermes    the same in the Hermes format
func Export(ctx context.Context, dir, format, path string, w io.Writer) (*Exported, error) {
	if !slices.Contains(ExportFormats(), format) {
		return nil, usage("unknown format %q: want one of %s", format, strings.Join(ExportFormats(), ", "))
	}
	set, err := dataset.Open(dir)
	if err != nil {
		return nil, err
	}
	out := new(Exported)
	write := func(w io.Writer) error {
		return dataset.Each(ctx, set, 0, func(r *dataset.Row) ([]byte, error) {
			line, err := exportLine(format, r.Dialogue)
			if errors.Is(err, chat.ErrLost) {
				return nil, nil
			}
			if err != nil {
				return nil, fmt.Errorf("synth: export %s: %w", r.Dialogue.ID, err)
			}
			return append(line, '\n'), nil
		}, func(line []byte) error {
			if line == nil {
				out.Lost++
				return nil
			}
			out.Dialogues++
			_, err := w.Write(line)
			return err
		})
	}
	if path == "" {
		err = write(w)
	} else {
		err = atomicfile.Write(path, write)
	}
	return out, err
}

// exportLine is one line without its end.
func exportLine(format string, d chat.Dialogue) ([]byte, error) {
	switch format {
	case "sharegpt":
		return chat.ToShareGPT(d)
	case "ms-swift":
		return chat.ToMSSwift(d)
	case "openai":
		d.ID = ""
		return d.AppendJSON(nil), nil
	}
	f, err := chat.ByName(format)
	if err != nil {
		return nil, err
	}
	return renderedLine(f.Render(d, chat.RenderOptions{}))
}

// renderedLine joins segments and says which characters are in the loss.
func renderedLine(segments []chat.Segment) ([]byte, error) {
	var out struct {
		Text    string   `json:"text"`
		Trained [][2]int `json:"trained"`
	}
	out.Trained = [][2]int{}
	var text strings.Builder
	at := 0
	for _, s := range segments {
		clean := strings.ToValidUTF8(s.Text, "\uFFFD")
		text.WriteString(clean)
		end := at + utf8.RuneCountInString(clean)
		if n := len(out.Trained); s.Trained && n > 0 && out.Trained[n-1][1] == at {
			out.Trained[n-1][1] = end
		} else if s.Trained && end > at {
			out.Trained = append(out.Trained, [2]int{at, end})
		}
		at = end
	}
	out.Text = text.String()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(out)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), err
}
