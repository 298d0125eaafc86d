package shard

import "muonclip/data/arrowmeta"

// Keys of the Arrow schema's metadata.
const (
	keyFormat    = "muonclip.format"
	keyVersion   = "muonclip.version"
	keyTokenizer = "muonclip.tokenizer"
	keyVocab     = "muonclip.vocab_size"
	keySource    = "muonclip.source"
	keySplit     = "muonclip.split"
)

// columns are the columns of a shard file.
var columns = []arrowmeta.Column{{Name: "tokens", Type: arrowmeta.ListUint32}, {Name: "name", Type: arrowmeta.Utf8}}

// recordIndex says where a record batch lies in the shard and its columns in the file.
type recordIndex struct {
	firstDoc, firstToken int64
	rows, tokens         int64
	ids, names           arrowmeta.List
}
