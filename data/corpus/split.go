package corpus

import "github.com/zeebo/xxh3"

// The splits.
const (
	Train = "train"
	Val   = "val"
)

// sampleSalt keeps sampling and splitting independent of each other.
const sampleSalt = 0x73616d706c65

// Split returns Train or Val. It depends on the seed and on the document's content or name alone:
// not on the other documents, and not on what was read before.
func (c *Corpus) Split(d Document) string {
	var h uint64
	if c.cfg.HeldOutBy == "name" {
		h = nameHash(c.cfg.Seed, d)
	} else {
		h = xxh3.HashSeed(d.Text, c.cfg.Seed)
	}
	if fraction(h) < c.cfg.HeldOut {
		return Val
	}
	return Train
}

func sampleKey(seed uint64, d Document) uint64 { return nameHash(seed^sampleSalt, d) }

func nameHash(seed uint64, d Document) uint64 {
	return xxh3.HashStringSeed(d.Source+"\x00"+d.Name, seed)
}
