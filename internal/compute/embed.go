package compute

// Embed looks up rows of table: y[i] = table[ids[i]], the ids being the device's. Backward: dtable[ids[i]] += dy[i].
func (t *Tape[T]) Embed(table *Tensor[T], ids []int32) *Tensor[T] {
	y := t.New(len(ids), table.Cols)
	t.Backend.Embed(y.Data, table.Data, ids, table.Cols)
	t.record("embedding", y, func() { t.EmbedBackward(t.sum(table), y.grad, ids, table.Cols) })
	return y
}
