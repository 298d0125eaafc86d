package shard

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"

	"github.com/zeebo/xxh3"

	"muonclip/data/arrowmeta"
)

// shardIndex is what the reader keeps of a shard that it has checked: where each document begins and
// where in the file the ids and names lie.
type shardIndex struct {
	starts  []int64 // documents+1 positions in the shard's token stream
	records []recordIndex
}

// loadShard reads a whole shard, checks it against the manifest and indexes it. It returns the bytes
// as well, so that a caller with enough memory can keep them.
func loadShard(dir string, m Manifest, info Info, limit int64) (*shardIndex, []byte, error) {
	path := filepath.Join(dir, info.File)
	data, err := os.ReadFile(path)
	if err != nil {
		if os.IsNotExist(err) {
			return nil, nil, fmt.Errorf("shard: %s: %w: the file is missing, the manifest lists it; restore it or make the shards again", path, ErrDamaged)
		}
		return nil, nil, fmt.Errorf("shard: read: %w", err)
	}
	if int64(len(data)) != info.Bytes {
		return nil, nil, fmt.Errorf("shard: %s: %w: it has %d bytes, the manifest says %d; restore it or make the shards again", path, ErrDamaged, len(data), info.Bytes)
	}
	if sum := fmt.Sprintf("%016x", xxh3.Hash(data)); sum != info.XXH3 {
		return nil, nil, fmt.Errorf("shard: %s: %w: its checksum is %s, the manifest says %s; restore it or make the shards again", path, ErrDamaged, sum, info.XXH3)
	}
	idx, err := indexShard(data, m, info, limit)
	if err != nil {
		return nil, nil, fmt.Errorf("shard: %s: %w", path, err)
	}
	return idx, data, nil
}

// indexShard checks the content of a shard file: its metadata and counts against the manifest, the
// document boundaries, and that every id is below limit.
func indexShard(data []byte, m Manifest, info Info, limit int64) (*shardIndex, error) {
	file, err := arrowmeta.Parse(data, columns)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	for _, c := range []struct{ key, want string }{
		{keyFormat, FormatName},
		{keyVersion, strconv.Itoa(FormatVersion)},
		{keyTokenizer, m.Tokenizer},
		{keyVocab, strconv.Itoa(m.VocabSize)},
	} {
		if got := file.Meta[c.key]; got != c.want {
			return nil, fmt.Errorf("%w: its metadata says %s = %q, the manifest says %q", ErrDamaged, c.key, got, c.want)
		}
	}
	idx := &shardIndex{starts: []int64{0}}
	var docs, tokens int64
	for i, b := range file.Batches {
		rec := recordIndex{firstDoc: docs, firstToken: tokens, rows: b.Rows, tokens: b.Lists[0].Count, ids: b.Lists[0], names: b.Lists[1]}
		if docs+rec.rows > info.Documents || tokens+rec.tokens > info.Tokens {
			return nil, fmt.Errorf("%w: it holds more than the %d documents and %d tokens that the manifest says", ErrDamaged, info.Documents, info.Tokens)
		}
		idx.records = append(idx.records, rec)
		if idx.starts, err = rec.ids.Ends(idx.starts, data, tokens); err != nil {
			return nil, fmt.Errorf("%w: record batch %d, tokens: %w", ErrDamaged, i, err)
		}
		if _, err := rec.names.Ends(nil, data, 0); err != nil {
			return nil, fmt.Errorf("%w: record batch %d, names: %w", ErrDamaged, i, err)
		}
		ids := rec.ids.Values.Of(data)
		for t := range rec.tokens {
			if id := binary.LittleEndian.Uint32(ids[4*t:]); int64(id) >= limit {
				doc := idx.docAt(tokens + t)
				return nil, fmt.Errorf("%w: document %d, position %d holds %d, the vocabulary has %d: the shards belong to a larger vocabulary",
					ErrTokenRange, doc, tokens+t-idx.starts[doc], id, limit)
			}
		}
		docs += rec.rows
		tokens += rec.tokens
	}
	if docs != info.Documents || tokens != info.Tokens {
		return nil, fmt.Errorf("%w: it holds %d documents and %d tokens, the manifest says %d and %d", ErrDamaged, docs, tokens, info.Documents, info.Tokens)
	}
	return idx, nil
}

// docAt is the document that holds the token at pos of the shard; empty documents hold none.
func (x *shardIndex) docAt(pos int64) int64 {
	return int64(sort.Search(len(x.starts)-1, func(i int) bool { return x.starts[i+1] > pos }))
}

// recordOfToken and recordOfDoc find the record batch that holds a position.
func (x *shardIndex) recordOfToken(pos int64) *recordIndex {
	i := sort.Search(len(x.records), func(i int) bool { return x.records[i].firstToken+x.records[i].tokens > pos })
	return &x.records[i]
}

func (x *shardIndex) recordOfDoc(doc int64) *recordIndex {
	i := sort.Search(len(x.records), func(i int) bool { return x.records[i].firstDoc+x.records[i].rows > doc })
	return &x.records[i]
}
