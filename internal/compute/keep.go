package compute

// Keeper is a backend that keeps something of its own of weights, such as a copy in another type.
type Keeper[T Float] interface {
	// Keep says that w holds the weights of a model, which products read many times between two changes.
	Keep(w []T)
}
