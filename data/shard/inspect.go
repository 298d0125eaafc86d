package shard

import (
	"bytes"
	"math/bits"
)

// Report is what Inspect finds in a shard folder, for printing and as JSON.
type Report struct {
	Dir       string   `json:"dir"`
	Manifest  Manifest `json:"manifest"`
	Shards    []Row    `json:"shards"`
	Lengths   []Bucket `json:"lengths"` // documents by length in tokens, of the undamaged shards
	MinLength int64    `json:"min_length"`
	MaxLength int64    `json:"max_length"`
	Samples   []Sample `json:"samples"`
}

// Row is one shard of a Report.
type Row struct {
	Info
	Error string `json:"error,omitempty"` // why the shard cannot be read; empty when it was verified
}

// Bucket counts the documents with Min <= tokens <= Max.
type Bucket struct {
	Min       int64 `json:"min"`
	Max       int64 `json:"max"`
	Documents int64 `json:"documents"`
}

// Sample is the beginning of one document.
type Sample struct {
	Document int64   `json:"document"`
	Name     string  `json:"name"`
	Tokens   int64   `json:"tokens"`
	IDs      []int32 `json:"ids"` // the first ones
}

// Inspect verifies every shard in dir and describes the folder. A damaged shard is a row with an
// error; Inspect itself fails only where the manifest cannot be read. It shows up to samples
// documents, spread evenly, with their first ids tokens each.
func Inspect(dir string, samples, ids int) (Report, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return Report{}, err
	}
	rep := Report{Dir: dir, Manifest: m, MinLength: -1}
	var buckets [65]int64
	var doc int64
	every := max(m.Documents/int64(max(samples, 1)), 1)
	for _, info := range m.Shards {
		row := Row{Info: info}
		if err := inspectShard(&rep, &buckets, m, info, doc, every, samples, ids); err != nil {
			row.Error = err.Error()
		}
		rep.Shards = append(rep.Shards, row)
		doc += info.Documents
	}
	for b, n := range buckets {
		if n > 0 {
			rep.Lengths = append(rep.Lengths, Bucket{Min: int64(1) << b >> 1, Max: int64(1)<<b - 1, Documents: n})
		}
	}
	rep.MinLength = max(rep.MinLength, 0)
	return rep, nil
}

func inspectShard(rep *Report, buckets *[65]int64, m Manifest, info Info, firstDoc, every int64, samples, ids int) error {
	idx, data, err := loadShard(rep.Dir, m, info, int64(m.VocabSize))
	if err != nil {
		return err
	}
	for d := range info.Documents {
		n := idx.starts[d+1] - idx.starts[d]
		buckets[bits.Len64(uint64(n))]++
		if rep.MinLength < 0 || n < rep.MinLength {
			rep.MinLength = n
		}
		rep.MaxLength = max(rep.MaxLength, n)
		if (firstDoc+d)%every != 0 || len(rep.Samples) >= samples {
			continue
		}
		src := bytes.NewReader(data)
		s := Sample{Document: firstDoc + d, Tokens: n, IDs: make([]int32, min(n, int64(ids)))}
		if s.Name, err = idx.name(src, d); err != nil {
			return err
		}
		if len(s.IDs) > 0 {
			rec := idx.recordOfToken(idx.starts[d])
			// The first ids of a document are never split: a document lies in one record batch.
			if err := readIDs(s.IDs, src, rec.ids.Values.Pos+4*(idx.starts[d]-rec.firstToken)); err != nil {
				return err
			}
		}
		rep.Samples = append(rep.Samples, s)
	}
	return nil
}
