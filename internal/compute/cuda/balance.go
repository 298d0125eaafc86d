package cuda

// Balance moves the biases towards an even load; see compute.Backend.
func (b *Backend) Balance(bias []float32, load []int32, rate float64) {
	b.launch("balance", x(1), x(256), 0, onto(b, bias, 0), at(b, load), i32(len(load)), f32(float32(rate)))
}
