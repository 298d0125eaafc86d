package token

import "slices"

// mergeLong appends the ids of a long pre-token, as merging it as a whole would make them, in time and memory that
// grow with its length only. It is cut into pieces, and each is merged alone and joined to what came before.
//
// A join rests on this. Merges take the best pair first, and the order of any two pairs does not depend on what
// stands around them. So inside any stretch between two boundaries that no merge crosses, things go as they
// would alone. If a text A becomes tokens that end in a, B becomes tokens that begin with b, and the bytes
// of a and b together become a and b, then AB becomes the tokens of A and those of B: the first merge across would
// need a symbol at the end of a and one at the beginning of b at a time when these are the best pair, and
// that would merge them in ab as well.
//
// At a seam, some tokens to the left and some to the right are therefore merged again from their bytes. Where
// the outermost ones come out as they were, their outer boundaries are as good as before, and the seam is
// closed; else the stretch is doubled. One token on each side is enough for most seams.
func (e *encoder) mergeLong(dst []int32, s string) []int32 {
	from := len(dst)
	// Vocabularies can be made for which seams reach far. What they cost is bounded by merging all at once.
	budget := seamBudget * len(s)
	for i := 0; i < len(s); i += pieceBytes {
		at := len(dst)
		dst = e.mergeBytes(dst, s[i:min(i+pieceBytes, len(s))])
		for k := 1; i > 0; k *= 2 {
			left, right := max(from, at-k), min(len(dst), at+k)
			lo, hi := i-e.t.size(dst[left:at]), i+e.t.size(dst[at:right])
			if budget -= hi - lo; budget < 0 {
				return e.mergeBytes(dst[:from], s)
			}
			e.seam = e.mergeBytes(e.seam[:0], s[lo:hi])
			if (left == from || e.seam[0] == dst[left]) && (right == len(dst) || e.seam[len(e.seam)-1] == dst[right-1]) {
				dst = slices.Replace(dst, left, right, e.seam...)
				break
			}
		}
	}
	return dst
}

const (
	pieceBytes = 64 // at most shortWord
	seamBudget = 4  // bytes merged again at seams, for each byte of a word
)

// size is the number of bytes that ordinary tokens stand for.
func (t *Tokenizer) size(ids []int32) int {
	n := 0
	for _, id := range ids {
		n += len(t.def.tokens[id])
	}
	return n
}
