package checkpoint

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/zeebo/xxh3"
)

// manifest lists the files of a checkpoint. As text, each item on a line:
//
//	muonclip-checkpoint 1
//	step 100
//	model.safetensors 123456 99aa06d3014798d86001c324468d497f
//	...
//	xxh3 99aa06d3014798d86001c324468d497f
//
// The last line is the checksum of all lines before it. Every format version keeps the first and
// the last line, so that another version can be told from damage.
type manifest struct {
	step  int
	files []fileSum
}

// fileSum is the name, the bytes and the XXH3-128 of a file.
type fileSum struct {
	name  string
	bytes int64
	sum   string
}

const manifestTitle = "muonclip-checkpoint "

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// sumText is the canonical hexadecimal form of an XXH3-128, as xxh128sum prints it.
func sumText(h *xxh3.Hasher) string {
	b := h.Sum128().Bytes()
	return hex.EncodeToString(b[:])
}

func (m manifest) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%d\nstep %d\n", manifestTitle, FormatVersion, m.step)
	for _, f := range m.files {
		fmt.Fprintf(&b, "%s %d %s\n", f.name, f.bytes, f.sum)
	}
	h := xxh3.New()
	h.WriteString(b.String())
	fmt.Fprintf(&b, "xxh3 %s\n", sumText(h))
	return b.String()
}

// parseManifest parses what text returns, and nothing else.
func parseManifest(text string) (manifest, error) {
	body, last, ok := cutLast(text)
	h := xxh3.New()
	h.WriteString(body)
	if !ok || last != "xxh3 "+sumText(h)+"\n" {
		return manifest{}, damaged("%s is truncated or changed: its own checksum does not match", manifestFile)
	}
	lines := strings.Split(body, "\n")
	version, ok := strings.CutPrefix(lines[0], manifestTitle)
	if !ok {
		return manifest{}, damaged("%s starts with %q", manifestFile, lines[0])
	}
	if version != strconv.Itoa(FormatVersion) {
		return manifest{}, fmt.Errorf("%w: it is %s, this program reads %d; use the program that wrote it, or export and import the weights", ErrVersion, version, FormatVersion)
	}
	var m manifest
	for _, line := range lines[1 : len(lines)-1] {
		var f fileSum
		if n, _ := fmt.Sscanf(line, "step %d", &m.step); n == 1 {
			continue
		}
		if n, _ := fmt.Sscanf(line, "%s %d %s", &f.name, &f.bytes, &f.sum); n == 3 {
			m.files = append(m.files, f)
		}
	}
	if m.text() != text {
		return manifest{}, damaged("%s has lines that this format does not have", manifestFile)
	}
	for i, want := range []string{modelFile, optimizerFile, stateFile} {
		if i >= len(m.files) || m.files[i].name != want || len(m.files) != 3 {
			return manifest{}, damaged("%s does not list %s, %s and %s", manifestFile, modelFile, optimizerFile, stateFile)
		}
	}
	return m, nil
}

// cutLast splits the last line off text.
func cutLast(text string) (body, last string, ok bool) {
	trimmed, ok := strings.CutSuffix(text, "\n")
	i := strings.LastIndexByte(trimmed, '\n')
	if !ok || i < 0 {
		return "", "", false
	}
	return text[:i+1], text[i+1:], true
}

// verify compares a file with its line in the manifest.
func (f fileSum) verify(dir string) error {
	path := filepath.Join(dir, f.name)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return damaged("%s is missing", f.name)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size() != f.bytes {
		return damaged("%s has %d bytes, saved were %d", f.name, info.Size(), f.bytes)
	}
	h := xxh3.New()
	if _, err := io.CopyBuffer(h, struct{ io.Reader }{file}, make([]byte, min(1<<20, f.bytes+1))); err != nil {
		return err
	}
	if sum := sumText(h); sum != f.sum {
		return damaged("%s has the checksum %s, saved was %s", f.name, sum, f.sum)
	}
	return nil
}
