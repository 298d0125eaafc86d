package model

import "testing"

// TestForwardFLOPs counts a small model's products one by one.
func TestForwardFLOPs(t *testing.T) {
	c := smallMLA()
	const seq = 9
	attention := 6*8 + 10*6 + 6*8 + 20*4 + 8*14 // q_a, q_b, kv_a, kv_b, o
	dense := 3 * 12 * 8
	experts := 3*8 + 2*3*5*8 + 3*10*8 // router, two routed, two shared
	head := 50 * 8
	wantLinear := 2 * float64(2*attention+dense+experts+head)
	// Positions 1..9 see 1..9 keys: 45 pairs for 9 tokens, 5 each; 2 layers, 2 heads, 5+7 elements.
	wantAttention := 2.0 * 5 * 2 * 2 * (5 + 7)
	f := c.ForwardFLOPs(seq)
	if f.Linear != wantLinear || f.Attention != wantAttention {
		t.Errorf("forward %+v, want linear %g attention %g", f, wantLinear, wantAttention)
	}
	if got, want := c.TrainFLOPs(seq).Total(), 3*(wantLinear+wantAttention); got != want {
		t.Errorf("train %g, want %g", got, want)
	}
	c.TieWordEmbeddings = true
	if got := c.ForwardFLOPs(seq).Linear; got != wantLinear {
		t.Errorf("a tied head multiplies too: %g, want %g", got, wantLinear)
	}
}

func TestForwardFLOPsDense(t *testing.T) {
	c := Config{VocabSize: 10, HiddenSize: 4, IntermediateSize: 6, NumHiddenLayers: 3, NumAttentionHeads: 2, NumKeyValueHeads: 1, HeadDim: 2}
	layer := 4*4 + 2*4 + 2*4 + 4*4 + 3*6*4 // q, k, v, o, feed-forward
	if got, want := c.ForwardFLOPs(1).Linear, 2*float64(3*layer+10*4); got != want {
		t.Errorf("linear %g, want %g", got, want)
	}
	if got, want := c.ForwardFLOPs(1).Attention, 2.0*1*3*2*(2+2); got != want {
		t.Errorf("attention %g, want %g", got, want)
	}
}

func TestKVCache(t *testing.T) {
	if got := kimiK2().KVCacheElems(); got != 61*(512+64) {
		t.Errorf("K2 caches %d values a token, want 61*576", got)
	}
	gqa := Config{NumHiddenLayers: 3, NumAttentionHeads: 8, NumKeyValueHeads: 2, HeadDim: 16}
	if got := gqa.KVCacheBytes(2); got != 2*3*2*2*16 {
		t.Errorf("grouped queries cache %d bytes", got)
	}
}

func TestNewtonSchulzFLOPs(t *testing.T) {
	c := Config{VocabSize: 10, HiddenSize: 4, IntermediateSize: 6, NumHiddenLayers: 1, NumAttentionHeads: 2, HeadDim: 2}
	square := 4*4*4 + 4*4*4 + 2*4*4*4 // q, k, v, o are 4 x 4
	wide := 4*4*6 + 4*4*4 + 2*4*4*6   // gate, up, down are 6 x 4 or 4 x 6
	if got, want := c.NewtonSchulzFLOPs(5), 5*float64(4*square+3*wide); got != want {
		t.Errorf("Newton-Schulz %g, want %g", got, want)
	}
}
