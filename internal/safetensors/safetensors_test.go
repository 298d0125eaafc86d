package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"muonclip/internal/bf16"
)

func open(t testing.TB, b []byte) *File {
	t.Helper()
	f, err := New(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// raw builds a file from a header and data bytes.
func raw(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

var sample = []Tensor{
	{Name: "b", Shape: []int{2, 3}, Data: []float32{1, -2, 3.5, 0, 1e-3, float32(math.Inf(-1))}},
	{Name: "a.weight", Shape: []int{0, 4}, Data: []float32{}},
	{Name: "scalar", Shape: []int{}, Data: []float32{7}},
}

func TestHeaderBytes(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, sample, F32, map[string]string{"z": "1", "format": "pt"}); err != nil {
		t.Fatal(err)
	}
	want := `{"__metadata__": {"format": "pt", "z": "1"}, ` +
		`"b": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ` +
		`"a.weight": {"dtype": "F32", "shape": [0, 4], "data_offsets": [24, 24]}, ` +
		`"scalar": {"dtype": "F32", "shape": [], "data_offsets": [24, 28]}}`
	n := int(binary.LittleEndian.Uint64(b.Bytes()))
	if n%8 != 0 {
		t.Errorf("header length %d is no multiple of 8", n)
	}
	if got := strings.TrimRight(string(b.Bytes()[8:8+n]), " "); got != want {
		t.Error(cmp.Diff(want, got))
	}
	if got, want := b.Len(), 8+n+28; got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
}

// TestRoundTrip writes arbitrary tensors in each dtype and reads them back.
func TestRoundTrip(t *testing.T) {
	round := map[DType]func(float32) float32{
		F64:  func(x float32) float32 { return x },
		F32:  func(x float32) float32 { return x },
		BF16: bf16.Round,
		F16:  func(x float32) float32 { return bf16.DecodeHalf(bf16.EncodeHalf(x)) },
	}
	rapid.Check(t, func(t *rapid.T) {
		dtype := rapid.SampledFrom([]DType{F64, F32, BF16, F16}).Draw(t, "dtype")
		var tensors, want []Tensor
		for _, name := range rapid.SliceOfNDistinct(rapid.StringN(0, 8, -1), 0, 5, rapid.ID[string]).Draw(t, "names") {
			shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 3).Draw(t, "shape")
			n, _ := Elements(shape)
			data := rapid.SliceOfN(rapid.Float32(), n, n).Draw(t, "data")
			tensors = append(tensors, Tensor{name, shape, data})
			rounded := make([]float32, n)
			for i, x := range data {
				rounded[i] = round[dtype](x)
			}
			want = append(want, Tensor{name, shape, rounded})
		}
		meta := rapid.MapOfN(rapid.String(), rapid.String(), 0, 3).Draw(t, "metadata")
		var b, again bytes.Buffer
		if err := Write(&b, tensors, dtype, meta); err != nil {
			t.Fatal(err)
		}
		if err := Write(&again, tensors, dtype, meta); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
			t.Fatal("two writes of the same tensors differ")
		}
		f, err := New(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		byName := cmpopts.SortSlices(func(a, b Tensor) bool { return a.Name < b.Name }) // empty tensors share a place
		if diff := cmp.Diff(want, got, byName, cmpopts.EquateEmpty(), cmpopts.EquateNaNs()); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(meta, f.Metadata(), cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestMoreThanOneChunk(t *testing.T) {
	n := 3*chunk/4 + 5
	big := Tensor{Name: "big", Shape: []int{n}, Data: make([]float32, n)}
	for i := range big.Data {
		big.Data[i] = float32(i)
	}
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := WriteFile(path, []Tensor{sample[0], big}, F32, nil); err != nil {
		t.Fatal(err)
	}
	got, _, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Tensor{sample[0], big}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFloat64(t *testing.T) {
	want := []float64{math.Pi, math.SmallestNonzeroFloat64, -1e300}
	var b bytes.Buffer
	if err := Write64(&b, []Tensor64{{"x", []int{3}, want}}, nil); err != nil {
		t.Fatal(err)
	}
	f := open(t, b.Bytes())
	got := make([]float64, 3)
	if err := f.ReadInto64("x", got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	narrow, err := f.Read("x")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float32{math.Pi, 0, float32(math.Inf(-1))}, narrow.Data); diff != "" {
		t.Error(diff)
	}
	b.Reset()
	if err := Write(&b, sample, BF16, nil); err != nil {
		t.Fatal(err)
	}
	wide := make([]float64, 6)
	if err := open(t, b.Bytes()).ReadInto64("b", wide); err != nil {
		t.Fatal(err)
	}
	for i, x := range sample[0].Data {
		if wide[i] != float64(bf16.Round(x)) {
			t.Errorf("element %d is %g, want %g", i, wide[i], bf16.Round(x))
		}
	}
}

func TestIntegers(t *testing.T) {
	le := binary.LittleEndian
	ints := func(dtype string, v ...int64) []byte {
		var data []byte
		for _, x := range v {
			if dtype == "I64" {
				data = le.AppendUint64(data, uint64(x))
			} else {
				data = le.AppendUint32(data, uint32(x))
			}
		}
		return raw(`{"x":{"dtype":"`+dtype+`","shape":[`+string('0'+rune(len(v)))+`],"data_offsets":[0,`+
			map[string]string{"I64": "16", "I32": "8"}[dtype]+`]}}`, data...)
	}
	for _, dtype := range []string{"I64", "I32"} {
		got, err := open(t, ints(dtype, -7, 1<<24)).Read("x")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]float32{-7, 1 << 24}, got.Data); diff != "" {
			t.Errorf("%s: %s", dtype, diff)
		}
		if _, err := open(t, ints(dtype, 0, 1<<24+1)).Read("x"); err == nil || !strings.Contains(err.Error(), "16777217") {
			t.Errorf("%s: error %v, want one that names 16777217", dtype, err)
		}
	}
	f := open(t, ints("I64", 1<<53, math.MaxInt64))
	if err := f.ReadInto64("x", make([]float64, 2)); err == nil || !strings.Contains(err.Error(), "element 1") {
		t.Errorf("error %v, want one about element 1", err)
	}
}

func TestInvalidFiles(t *testing.T) {
	const one = `"dtype":"F32","shape":[1],"data_offsets":`
	four, eight := make([]byte, 4), make([]byte, 8)
	cases := map[string]struct {
		file []byte
		want string
	}{
		"empty":                {nil, "0 bytes"},
		"no length":            {make([]byte, 7), "7 bytes"},
		"length 0":             {make([]byte, 8), "does not start with {"},
		"huge header":          {binary.LittleEndian.AppendUint64(nil, 1<<40), "above the limit"},
		"truncated header":     {raw(`{"a":{` + one + `[0,4]}}`)[:20], "truncated"},
		"truncated data":       {raw(`{"a":{`+one+`[0,4]}}`, 0, 0, 0), "truncated"},
		"bytes at the end":     {raw(`{"a":{`+one+`[0,4]}}`, eight...), "4 bytes follow"},
		"no object":            {raw(`[1,2]`), "does not start with {"},
		"not UTF-8":            {raw("{\"\xff\":1}"), "UTF-8"},
		"two objects":          {raw(`{}{}`), "goes on"},
		"broken JSON":          {raw(`{"a":`), "header"},
		"entry is no object":   {raw(`{"a":3}`), "an object belongs"},
		"same name twice":      {raw(`{"a":{`+one+`[0,4]},"a":{`+one+`[4,8]}}`, eight...), "appears twice"},
		"same field twice":     {raw(`{"a":{"dtype":"F32",`+one+`[0,4]}}`, four...), `two fields "dtype"`},
		"overlap":              {raw(`{"a":{`+one+`[0,4]},"b":{`+one+`[2,6]}}`, four...), "overlap"},
		"same place":           {raw(`{"a":{`+one+`[0,4]},"b":{`+one+`[0,4]}}`, four...), "overlap"},
		"gap":                  {raw(`{"a":{`+one+`[4,8]}}`, eight...), "gap of 4 bytes"},
		"outside":              {raw(`{"a":{`+one+`[4000000000000,4000000000004]}}`, four...), "gap"},
		"offsets backwards":    {raw(`{"a":{`+one+`[4,0]}}`, four...), "impossible data_offsets"},
		"offset above int64":   {raw(`{"a":{`+one+`[18446744073709551608,18446744073709551612]}}`, four...), "impossible data_offsets"},
		"negative offset":      {raw(`{"a":{`+one+`[-4,0]}}`, four...), "data_offsets"},
		"three offsets":        {raw(`{"a":{`+one+`[0,4,4]}}`, four...), "pair of data_offsets"},
		"wrong size":           {raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, four...), "takes 8 bytes"},
		"shape overflows":      {raw(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`), "impossible shape"},
		"bytes overflow":       {raw(`{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}`), "impossible shape"},
		"dimension overflows":  {raw(`{"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,0]}}`), "impossible shape"},
		"negative dimension":   {raw(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, four...), "shape"},
		"fractional dimension": {raw(`{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, four...), "shape"},
		"no shape":             {raw(`{"a":{"dtype":"F32","data_offsets":[0,4]}}`, four...), "lacks a shape"},
		"unknown dtype":        {raw(`{"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}`, four...), `unknown dtype "f32"`},
		"metadata of numbers":  {raw(`{"__metadata__":{"a":1}}`), "__metadata__"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.safetensors")
			if err := os.WriteFile(path, c.file, 0o666); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path)
			if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want ErrFormat with the path and %q", err, c.want)
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, sample, F32, nil); err != nil {
		t.Fatal(err)
	}
	f := open(t, b.Bytes())
	if err := f.ReadInto("missing", nil); err == nil || !strings.Contains(err.Error(), `"missing"`) {
		t.Errorf("error %v, want one that names the tensor", err)
	}
	if err := f.ReadInto("b", make([]float32, 5)); err == nil || !strings.Contains(err.Error(), "6 elements, not 5") {
		t.Errorf("error %v, want one about 6 and 5 elements", err)
	}
	fp8 := open(t, raw(`{"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}`, 1, 2))
	if _, err := fp8.Read("a"); err == nil || !strings.Contains(err.Error(), "convert the FP8") {
		t.Errorf("error %v, want advice about FP8", err)
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a folder opens")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "no")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want os.ErrNotExist", err)
	}
}

func TestWriteErrors(t *testing.T) {
	cases := map[string]struct {
		tensors []Tensor
		dtype   DType
		want    string
	}{
		"shape":    {[]Tensor{{"a", []int{2}, []float32{1}}}, F32, "shape [2]"},
		"negative": {[]Tensor{{"a", []int{-1, -1}, []float32{1}}}, F32, "shape"},
		"twice":    {[]Tensor{sample[0], sample[0]}, F32, `two tensors are called "b"`},
		"reserved": {[]Tensor{{"__metadata__", []int{0}, nil}}, F32, "__metadata__"},
		"integers": {sample, I32, "cannot be written"},
	}
	for name, c := range cases {
		if err := Write(new(bytes.Buffer), c.tensors, c.dtype, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := WriteFile(path, cases["twice"].tensors, F32, nil); err == nil {
		t.Error("no error for two tensors of one name")
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("a failed write left a file")
	}
}

// FuzzRead feeds arbitrary bytes to the reader: it must not panic, must not read outside the
// file, and what it accepts must come back the same after writing and reading again.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := Write(&b, sample, BF16, map[string]string{"format": "pt"}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(raw(`{"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}`, 1, 2, 0, 0))
	f.Add(raw(`{"a":{"dtype":"F64","shape":[],"data_offsets":[0,8]},"b":{"dtype":"F16","shape":[0],"data_offsets":[8,8]}} `, 1, 2, 3, 4, 5, 6, 7, 8))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := New(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("error %v is not ErrFormat", err)
			}
			return
		}
		total := file.data
		for _, info := range file.Infos() {
			total += info.Bytes
		}
		if total != int64(len(data)) {
			t.Fatalf("the tensors cover %d of %d bytes", total, len(data))
		}
		tensors, err := file.ReadAll()
		if err != nil {
			return // a dtype or an integer that float32 cannot hold
		}
		var out bytes.Buffer
		if err := Write(&out, tensors, F32, file.Metadata()); err != nil {
			t.Fatal(err)
		}
		again, err := open(t, out.Bytes()).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		same := func(a, b Tensor) bool {
			return a.Name == b.Name && slices.Equal(a.Shape, b.Shape) && slices.EqualFunc(a.Data, b.Data, func(x, y float32) bool {
				return math.Float32bits(x) == math.Float32bits(y)
			})
		}
		byName := func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) }
		slices.SortFunc(tensors, byName)
		slices.SortFunc(again, byName)
		if !slices.EqualFunc(tensors, again, same) {
			t.Fatal("the tensors changed by writing and reading")
		}
	})
}
