package measure

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Samples of one distribution differ at the level of 5 % in one case of twenty;
// those that are shifted differ always.
func TestTwoSamples(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	sample := func(shift float64) []float64 {
		all := make([]float64, 300)
		for i := range all {
			all[i] = math.Exp(r.NormFloat64()/4) + shift
		}
		return all
	}
	found := map[string]int{}
	for range 200 {
		a, b, c := sample(0), sample(0), sample(0.2)
		if MannWhitney(a, b) < 0.05 {
			found["U, same"]++
		}
		if _, p := KolmogorovSmirnov(a, b); p < 0.05 {
			found["KS, same"]++
		}
		if MannWhitney(a, c) < 0.05 {
			found["U, shifted"]++
		}
		if _, p := KolmogorovSmirnov(a, c); p < 0.05 {
			found["KS, shifted"]++
		}
	}
	if found["U, same"] > 20 || found["KS, same"] > 20 || found["U, shifted"] < 200 || found["KS, shifted"] < 200 {
		t.Errorf("of 200: %v", found)
	}
	same := []float64{1, 1, 1, 1}
	if _, p := KolmogorovSmirnov(same, same); MannWhitney(same, same) != 1 || p != 1 {
		t.Error("equal values differ")
	}
	// By hand: all of one below all of the other.
	if d, p := KolmogorovSmirnov([]float64{1, 2, 3}, []float64{4, 5, 6}); d != 1 || p > 0.15 {
		t.Errorf("%v %v", d, p)
	}
}
