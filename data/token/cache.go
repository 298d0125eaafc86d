package token

import "encoding/binary"

// wordCache remembers the ids of pre-tokens that were met before. Its size is fixed, and its content never
// changes a result. It belongs to one encoder, so it needs no locks.
//
// Most pre-tokens have at most 15 bytes and 4 ids. An entry holds these itself and is half a cache line; what
// is longer lies in a ring of bytes, where it is lost when the ring has come round.
type wordCache struct {
	sets [][2]cached // in a set, the entry used last is first
	ring []byte
	head uint64 // bytes ever written to the ring
}

const (
	cacheBits = 15 // 32,768 sets of 64 bytes: 2 MB
	cacheRing = 1 << 18
	cacheLong = 128 // bytes of the longest pre-token in the cache
	cacheIDs  = 4   // ids that an entry holds itself
)

// cached is one entry: the key of a pre-token and its ids, the unused ones -1. Where the ids or the pre-token are
// too long, the first id is -1, the second their number, and the others the place in the ring where
// the bytes of a long pre-token and then the ids stand.
type cached struct {
	key wordKey
	ids [cacheIDs]int32
}

func newWordCache() wordCache {
	return wordCache{sets: make([][2]cached, 1<<cacheBits), ring: make([]byte, cacheRing)}
}

// set is where the entry of a key can be.
func (c *wordCache) set(k wordKey) *[2]cached { return &c.sets[k.hash(0)>>(64-cacheBits)] }

// far appends the ids of an entry that lie in the ring, and reports whether they are still there. The
// pre-token is given to tell it from another one with the same hash.
func (c *wordCache) far(dst []int32, e *cached, s string) ([]int32, bool) {
	at := uint64(uint32(e.ids[2])) | uint64(uint32(e.ids[3]))<<32
	if c.head-at > cacheRing {
		return dst, false
	}
	b := c.ring[at%cacheRing:]
	if e.key.long() {
		if string(b[:len(s)]) != s {
			return dst, false
		}
		b = b[len(s):]
	}
	for range e.ids[1] {
		dst = append(dst, int32(binary.LittleEndian.Uint32(b)))
		b = b[4:]
	}
	return dst, true
}

// put makes an entry in place of the one that was used less recently.
func (c *wordCache) put(set *[2]cached, k wordKey, s string, ids []int32) {
	e := cached{k, [cacheIDs]int32{-1, -1, -1, -1}}
	long := k.long()
	if !long && len(ids) <= cacheIDs {
		copy(e.ids[:], ids)
	} else {
		size := uint64(4 * len(ids))
		if long {
			size += uint64(len(s))
		}
		if left := cacheRing - c.head%cacheRing; left < size {
			c.head += left
		}
		at := c.head
		c.head += size
		b := c.ring[at%cacheRing:]
		if long {
			b = b[copy(b, s):]
		}
		for i, id := range ids {
			binary.LittleEndian.PutUint32(b[4*i:], uint32(id))
		}
		e.ids[1], e.ids[2], e.ids[3] = int32(len(ids)), int32(uint32(at)), int32(uint32(at>>32))
	}
	set[0], set[1] = e, set[0]
}
