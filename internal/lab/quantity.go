package lab

import (
	"cmp"
	"slices"
	"strings"

	"muonclip/internal/config"
)

// Quantity is one figure of a whole run.
type Quantity struct{ Name, Doc string }

// Quantities lists what rules and tables may name. A run that diverged has diverged and survived, and of the others what
// was measured before it ended, but no val_loss.
func Quantities() []Quantity {
	return []Quantity{
		{"val_loss", "held-out loss at the end, nats per token"},
		{"train_loss", "training loss, mean of the last tenth of the steps"},
		{"max_logit", "largest attention logit of any head and step"},
		{"max_logit_end", "the same over the last tenth of the steps"},
		{"clipped_heads", "share of the heads that QK-Clip rescaled at least once"},
		{"clip_end", "share of the run after which QK-Clip rescaled no head any more; 0 where it never acted"},
		{"spikes", "loss or gradient spikes, as train.spike defines them"},
		{"skipped", "steps whose update was dropped"},
		{"diverged", "1 where the run ended with numbers that are not finite, else 0"},
		{"survived", "1 where the run did not diverge and ended below the loss of a unigram model, else 0"},
		{"grad_norm_max", "largest gradient norm before clipping"},
		{"tokens", "tokens trained on"},
		{"flops", "model FLOPs of training, forward and backward"},
		{"seconds", "training time"},
		{"val_loss.KIND", "dialogues only: held-out loss at the end by kind of turn: text, call or answer"},
		{"update_rms.KIND", "RMS of the last step's update by kind of parameter, learning rate included"},
		{"instrument.NAME", "mean over all parameters, layers and heads of the last measurement of an instrument, such as instrument.weight_rms"},
	}
}

// knownQuantity reports whether a quantity has that name.
func knownQuantity(name string) bool {
	for _, q := range Quantities() {
		prefix, open := strings.CutSuffix(q.Name, cmp.Or(suffixOf(q.Name), "\x00"))
		if q.Name == name || open && strings.HasPrefix(name, prefix) && len(name) > len(prefix) {
			return true
		}
	}
	return false
}

// suffixOf is the part of a quantity's name that stands for many.
func suffixOf(name string) string {
	for _, s := range []string{"KIND", "NAME"} {
		if strings.HasSuffix(name, "."+s) {
			return s
		}
	}
	return ""
}

func nearestQuantity(name string) string {
	var names []string
	for _, q := range Quantities() {
		names = append(names, q.Name)
	}
	slices.Sort(names)
	return config.NearestWord(name, names)
}
