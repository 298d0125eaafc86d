package optim

import "fmt"

// CoefficientSet is a published choice of Newton-Schulz coefficients.
type CoefficientSet struct {
	Name         string
	Source       string         // where it was published, and what it is made for
	Coefficients []Coefficients // by step; the last serves all later steps
}

// CoefficientSets lists what NewtonSchulz.Set may name.
func CoefficientSets() []CoefficientSet {
	return []CoefficientSet{
		{
			"jordan",
			`Keller Jordan, "Muon: an optimizer for hidden layers in neural networks", 2024; does not converge to 1, see NewtonSchulz`,
			[]Coefficients{quintic},
		},
		{
			"cubic",
			`Bjorck and Bowie, "An iterative algorithm for computing the best estimate of an orthogonal matrix", 1971; converges, but slowly`,
			[]Coefficients{{1.5, -0.5, 0}},
		},
		{
			"jiacheng",
			"You Jiacheng, 2025, six steps found by optimisation, as Modula uses them (docs.modula.systems/algorithms/newton-schulz)",
			jiacheng(),
		},
		{
			"polar-express",
			`Amsel, Persson, Musco and Gower, "The Polar Express", arXiv 2505.16932, section 4; for singular values from 0.001 on`,
			polarExpress(),
		},
		{
			"cans",
			"Grishina, Smirnov and Rakhuba, arXiv 2506.10935: the five Chebyshev-type steps that NVIDIA's Emerging-Optimizers lists",
			[]Coefficients{
				{8.4703, -25.1081, 18.6293}, {4.1828, -3.1087, 0.5806}, {3.9619, -2.9541, 0.5630},
				{3.2866, -2.4647, 0.5074}, {2.2737, -1.6447, 0.4162},
			},
		},
	}
}

// named returns the coefficients of every step of a named set.
func (ns NewtonSchulz) named() ([]Coefficients, error) {
	if len(ns.Coefficients) > 0 {
		return nil, fmt.Errorf("optim: Newton-Schulz has both Set %q and Coefficients; give one of them", ns.Set)
	}
	var names []string
	for _, s := range CoefficientSets() {
		if names = append(names, s.Name); s.Name != ns.Set {
			continue
		}
		list := s.Coefficients
		steps := ns.Steps
		if steps == 0 {
			if steps = len(list); steps == 1 {
				steps = 5
			}
		}
		for len(list) < steps {
			list = append(list, list[len(list)-1])
		}
		return list[:steps], nil
	}
	return nil, fmt.Errorf("optim: no Newton-Schulz coefficients are named %q; there are %q", ns.Set, names)
}

func jiacheng() []Coefficients {
	list := []Coefficients{
		{3955, -8306, 5008}, {3735, -6681, 3463}, {3799, -6499, 3211}, {4019, -6385, 2906}, {2677, -3029, 1162}, {2172, -1833, 682},
	}
	for i := range list {
		for j := range list[i] {
			list[i][j] /= 1024
		}
	}
	return list
}

// polarExpress returns the published list. Its safety factor divides the argument of every polynomial but the last,
// and once more that of the first: the paper's code divides the matrix by 1.01 times its norm, ours by the norm.
func polarExpress() []Coefficients {
	list := []Coefficients{
		{8.28721201814563, -23.595886519098837, 17.300387312530933},
		{4.107059111542203, -2.9478499167379106, 0.5448431082926601},
		{3.9486908534822946, -2.908902115962949, 0.5518191394370137},
		{3.3184196573706015, -2.488488024314874, 0.51004894012372},
		{2.300652019954817, -1.6689039845747493, 0.4188073119525673},
		{1.891301407787398, -1.2679958271945868, 0.37680408948524835},
		{1.8750014808534479, -1.2500016453999487, 0.3750001645474248},
		{1.875, -1.25, 0.375},
	}
	const safety = 1.01
	for i := range len(list) - 1 {
		list[i] = list[i].stretched(safety)
	}
	list[0] = list[0].stretched(safety)
	return list
}

// stretched returns the coefficients of p(x/f).
func (c Coefficients) stretched(f float64) Coefficients {
	return Coefficients{c[0] / f, c[1] / (f * f * f), c[2] / (f * f * f * f * f)}
}
