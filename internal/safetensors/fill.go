package safetensors

import (
	"fmt"
	"slices"
	"strings"
)

// Mismatch is the error of [Fill]: how the wanted tensors differ from those of the files.
type Mismatch struct {
	Missing []string // wanted, but in no file
	Extra   []string // in a file, but not wanted
	Shape   []string // "name: wanted [2 3], found [3 2]"
	Twice   []string // in two files
}

// named is how many names of each kind the text of a Mismatch gives.
const named = 20

// Error names the tensors, the first 20 of each kind, and counts the rest.
func (m *Mismatch) Error() string {
	var parts []string
	add := func(kind string, names []string) {
		if len(names) == 0 {
			return
		}
		text := fmt.Sprintf("%d %s: %s", len(names), kind, strings.Join(names[:min(named, len(names))], ", "))
		if rest := len(names) - named; rest > 0 {
			text += fmt.Sprintf(" and %d more", rest)
		}
		parts = append(parts, text)
	}
	add("missing", m.Missing)
	add("extra", m.Extra)
	add("of another shape", m.Shape)
	add("stored twice", m.Twice)
	return "the tensors do not match: " + strings.Join(parts, "; ")
}

// Fill reads every wanted tensor from the files into its Data, which is allocated when nil.
// Names and shapes must agree in both directions, except for extra tensors that ignore (nil: none)
// accepts. It checks everything before it reads anything; the error is then a [*Mismatch].
func Fill(want []Tensor, files []*File, ignore func(name string) bool) error {
	var m Mismatch
	where := map[string]*File{}
	for _, f := range files {
		for _, name := range f.Names() {
			if where[name] != nil {
				m.Twice = append(m.Twice, name)
			}
			where[name] = f
		}
	}
	wanted := make(map[string]bool, len(want))
	for _, t := range want {
		wanted[t.Name] = true
		f := where[t.Name]
		if f == nil {
			m.Missing = append(m.Missing, t.Name)
			continue
		}
		if info, _ := f.Info(t.Name); !slices.Equal(info.Shape, t.Shape) {
			m.Shape = append(m.Shape, fmt.Sprintf("%s: wanted %v, found %v", t.Name, t.Shape, info.Shape))
		}
	}
	for _, f := range files {
		for _, name := range f.Names() {
			if !wanted[name] && (ignore == nil || !ignore(name)) {
				m.Extra = append(m.Extra, name)
			}
		}
	}
	if m.Missing != nil || m.Extra != nil || m.Shape != nil || m.Twice != nil {
		return &m
	}
	for i := range want {
		t := &want[i]
		f := where[t.Name]
		if t.Data == nil {
			info, _ := f.Info(t.Name)
			t.Data = make([]float32, info.Len())
		}
		if err := f.ReadInto(t.Name, t.Data); err != nil {
			return err
		}
	}
	return nil
}
