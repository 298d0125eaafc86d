package lab

import (
	"encoding/json"
	"math"
)

// Number is a figure that may be missing: NaN and infinities are null in JSON, which has no words for them.
type Number float64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if v := float64(n); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return json.Marshal(v)
	}
	return []byte("null"), nil
}
