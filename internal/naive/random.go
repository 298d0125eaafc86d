package naive

import (
	"math"
	"strings"
)

// RandomWeights draws every listed weight. Element i of a weight depends only on the seed, the
// weight's name and i (a counter-based generator), not on the list's order. Matrices are normal with
// variance 1/columns, so that activations stay around 1 and attention and routing are far from
// uniform; embeddings have variance 1, norm weights spread by 0.2 around 1 and correction biases by 0.1 around 0.
func RandomWeights(params []Param, seed uint64) map[string][]float64 {
	w := make(map[string][]float64, len(params))
	for _, p := range params {
		mean, std := 0.0, 1/math.Sqrt(float64(p.Shape[len(p.Shape)-1]))
		switch {
		case strings.HasSuffix(p.Name, "correction_bias"):
			std = 0.1
		case len(p.Shape) == 1:
			mean, std = 1, 0.2
		case strings.Contains(p.Name, "embed_tokens"):
			std = 1
		}
		key := stream(seed, p.Name)
		data := make([]float64, p.Len())
		for i := range data {
			data[i] = mean + std*normal(key, uint64(i))
		}
		w[p.Name] = data
	}
	return w
}

// RandomTokens gives rows of cols+1 ids below vocab, each a function of seed, row and column alone.
func RandomTokens(vocab, rows, cols int, seed uint64) [][]int32 {
	key := stream(seed, "tokens")
	ids := make([][]int32, rows)
	for b := range ids {
		for t := range cols + 1 {
			ids[b] = append(ids[b], int32(mix(key^mix(uint64(b)<<32|uint64(t)))%uint64(vocab)))
		}
	}
	return ids
}

// RandomIndex is number i of a named sequence of indices below n.
func RandomIndex(seed uint64, name string, i, n int) int {
	return int(mix(stream(seed, name)^mix(uint64(i))) % uint64(n))
}

// stream is the key of a named sequence of random numbers.
func stream(seed uint64, name string) uint64 {
	key := mix(seed)
	for i := range len(name) {
		key = mix(key ^ uint64(name[i]))
	}
	return key
}

// normal is number i of a stream of standard normal numbers, by Box and Muller.
func normal(key, i uint64) float64 {
	unit := func(j uint64) float64 { return (float64(mix(key^mix(j))>>11) + 0.5) / (1 << 53) }
	return math.Sqrt(-2*math.Log(unit(2*i))) * math.Cos(2*math.Pi*unit(2*i+1))
}

// mix is the output function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) after one step.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
