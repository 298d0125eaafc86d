package compute

// Decoder is a backend that also generates: it keeps the keys and values of tokens in pages of its memory and lets new
// tokens attend to them, multiplies by the matrices of experts where rows are few, and draws tokens.
type Decoder[T Float] interface {
	Backend[T]
	// Room is how many more elements Alloc can give out.
	Room() int
	// ShortSize is how many elements of T hold n numbers as this backend keeps them in caches and reads them in products.
	ShortSize(n int) int
	// PageName is what the tables of DecodeArgs call a page.
	PageName(page []T) [2]int32
	// CopyPage copies src to dst.
	CopyPage(dst, src []T)
	// KeepKeys puts the keys and values of new tokens into their pages and rotates their queries; see DecodeArgs.
	KeepKeys(a *DecodeArgs[T])
	// AttendPages is attention of new tokens that KeepKeys has seen to their sequences, up to themselves; see DecodeArgs.
	AttendPages(a *DecodeArgs[T])
	// GemmBatch computes C_i = A_i B_i, or A_i B_i^T, for matrices that lie steps elements apart; the A_i are columns of the
	// same rows.
	GemmBatch(transB bool, batch, m, n, k int, a []T, lda, stepA int, b []T, ldb, stepB int, c []T, ldc, stepC int)
	// FewGroup is Group where there are few choices.
	FewGroup(index []int32, k int, load []int32, g Groups)
	// FewGemm is GroupedGemm by transposed matrices where an expert has few rows.
	FewGemm(y, x []T, rows []int32, w []T, ends []int32, stride, out, in int)
	// Draw draws tokens from logits; see DrawArgs.
	Draw(a *DrawArgs[T])
}

// DecodeArgs describes one layer's attention of new tokens, the rows, over a paged cache. A page holds PageTokens positions of
// all layers, layer after layer. With latent attention in absorbed form (DeepSeek-V2, arXiv 2405.04434, section 2.1) a row of
// the cache is the normalised latent and the rotated key of all heads, Rank + Rope elements, of which the latent is the value
// too. With grouped-query attention, Rank 0 and Nope 0, it is the rotated keys of all groups and then their values.
type DecodeArgs[T Float] struct {
	Heads, Group     int // query heads, and how many of them share a key head; the latter for grouped-query attention
	Nope, Rope, Rank int
	Scale            T
	Cos, Sin         []T // positions x Rope/2

	Owner, At         []int32 // of each row: its sequence, and its position there; -1 marks a row that is padding
	Table             []int32 // names of pages, two words each, Span pages for each sequence
	Span              int
	PageTokens, Layer int

	Q     []T // rows x Heads x (Nope+Rope). KeepKeys rotates grouped queries in place; nil keeps keys alone
	Key   []T // rows x (Rank+Rope), latent and rotary key; or rows x groups x Rope
	Value []T // rows x groups x Rope, grouped
	Norm  []T // Rank: weight of the latent's norm
	Eps   T
	Query []T // rows x Heads x (Rank+Rope), latent: KeepKeys writes the rotated part, the caller Q's other part times W_uk
	Out   []T // rows x Heads x Rank, or x Rope. A row of padding gets zeros
}

// DrawArgs describes draws of tokens. Draw i takes the token of row Rows[i] in which the point U[i] of [0, 1) falls when the
// shares of exp(logit/Temperature) lie behind each other; at temperature 0 the first largest logit.
type DrawArgs[T Float] struct {
	Logits      []T
	Vocab       int
	Temperature T
	Rows        []int32
	U           []int32 // bits of a float64 each, the low word first
	Drawn       []int32 // out, three words each: the token, -1 where a logit of the row is NaN or +Inf, and as bits of a
	// float32 its log-probability under the model and under the draw, which is 0 at temperature 0
}
