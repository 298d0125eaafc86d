package plan

import (
	"muonclip/internal/config"
	"muonclip/model"
)

// Memory is the memory of one device in bytes.
type Memory struct {
	Weights     int64 `json:"weights"`
	Master      int64 `json:"master_weights"` // second copy that the optimizer updates
	Gradients   int64 `json:"gradients"`
	Optimizer   int64 `json:"optimizer"` // one buffer for matrices of Muon and its rivals, two for AdamW's parameters
	Activations int64 `json:"activations"`
	Total       int64 `json:"total"`
	Capacity    int64 `json:"capacity"`

	Stage        int `json:"pipeline_stage"` // of this device, from 0
	MicroBatch   int `json:"micro_batch"`    // sequences in one forward pass of a replica
	MicroBatches int `json:"micro_batches"`  // forward passes in one step
}

const gib = 1 << 30

// deviceMemory is the memory of the device of the pipeline stage that needs most.
func deviceMemory(c config.Config) Memory {
	dp, ep, pp := c.Cluster.Layout()
	perReplica := max(1, c.Train.BatchSize/dp)
	micro := min(c.Train.MicroBatch(), perReplica)
	batches := (perReplica + micro - 1) / micro

	stages := splitStages(c, pp)
	var worst Memory
	for i, st := range stages {
		m := st.state(c, dp, ep)
		m.Stage, m.MicroBatch, m.MicroBatches = i, micro, batches
		inFlight := min(pp-i, batches) // one-forward-one-backward: earlier stages hold more
		m.Activations = st.activations(c, inFlight, micro)
		m.Total = m.Weights + m.Master + m.Gradients + m.Optimizer + m.Activations
		m.Capacity = int64(c.Cluster.DeviceMemoryGiB * gib)
		if i == 0 || m.Total > worst.Total {
			worst = m
		}
	}
	return worst
}

// stage is what one pipeline stage holds. Expert parameters are counted apart because expert
// parallelism divides them.
type stage struct {
	first, last int // layers [first, last)
	embedding   bool
	head        bool
	shared      count // parameters that every device of the stage holds
	experts     count
}

// count is a number of parameters by the rule that updates them.
type count struct{ muon, adamw int64 }

func (n *count) add(p model.ParamShape, kind string) {
	if kind == "sgd" || p.Muon && kind != "adamw" { // the rivals' small buffers, rows of normuon and basis of dion, are left out
		n.muon += p.Elems()
	} else {
		n.adamw += p.Elems()
	}
}

func (n count) total() int64 { return n.muon + n.adamw }

// splitStages gives each of pp stages its layers, earlier stages one more where they do not
// divide evenly, the first stage the embedding and the last the norm and the head. A tied table is
// held by both ends.
func splitStages(c config.Config, pp int) []stage {
	layers := c.Model.NumHiddenLayers
	stages := make([]stage, pp)
	next := 0
	for i := range stages {
		n := layers / pp
		if i < layers%pp {
			n++
		}
		stages[i] = stage{first: next, last: next + n, embedding: i == 0, head: i == pp-1}
		next += n
	}
	of := stageOfLayer(stages)
	for _, p := range c.Model.Shapes() {
		i := pp - 1
		if l, ok := layerOf(p.Name); ok {
			i = of[l]
		} else if p.Kind == model.KindEmbedding {
			i = 0
			if c.Model.TieWordEmbeddings && pp > 1 {
				stages[pp-1].shared.add(p, c.Optim.Kind)
			}
		}
		if p.Kind == model.KindExpert {
			stages[i].experts.add(p, c.Optim.Kind)
		} else {
			stages[i].shared.add(p, c.Optim.Kind)
		}
	}
	return stages
}

func stageOfLayer(stages []stage) map[int]int {
	of := map[int]int{}
	for i, s := range stages {
		for l := s.first; l < s.last; l++ {
			of[l] = i
		}
	}
	return of
}

// state is the memory of a device that does not depend on the batch. Experts are divided by ep and
// then replicated dp/ep times, the rest dp times; a sharded optimizer divides its state and the
// master weights by the replicas.
func (s stage) state(c config.Config, dp, ep int) Memory {
	cl := c.Cluster
	held := float64(s.shared.total()) + float64(s.experts.total())/float64(ep)
	sharedCopies, expertCopies := 1.0, 1.0
	if cl.ShardOptimizer {
		sharedCopies, expertCopies = float64(dp), float64(dp)/float64(ep)
	}
	updated := float64(s.shared.total())/sharedCopies + float64(s.experts.total())/float64(ep)/expertCopies
	moments := float64(s.shared.muon+2*s.shared.adamw)/sharedCopies + float64(s.experts.muon+2*s.experts.adamw)/float64(ep)/expertCopies
	return Memory{
		Weights:   int64(held * dtypeBytes(cl.WeightDtype)),
		Master:    int64(updated * dtypeBytes(cl.MasterDtype)),
		Gradients: int64(held * dtypeBytes(cl.GradDtype)),
		Optimizer: int64(moments * dtypeBytes(cl.OptimizerDtype)),
	}
}

// dtypeBytes is the size of one element.
func dtypeBytes(dtype string) float64 {
	switch dtype {
	case "fp32":
		return 4
	case "bf16":
		return 2
	case "fp8":
		return 1
	default: // none
		return 0
	}
}
