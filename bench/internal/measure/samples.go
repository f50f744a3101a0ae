package measure

import (
	"cmp"
	"math"
	"slices"
)

// MannWhitney is the two-sided p-value of the Mann-Whitney U test: how likely two
// samples of one distribution lie as far apart as a and b. It is the normal
// approximation with the correction for ties, good from 20 values each.
func MannWhitney(a, b []float64) float64 {
	type value struct {
		v     float64
		fromA bool
	}
	var all []value
	for _, v := range a {
		all = append(all, value{v, true})
	}
	for _, v := range b {
		all = append(all, value{v, false})
	}
	slices.SortFunc(all, func(x, y value) int { return cmp.Compare(x.v, y.v) })
	n, m := float64(len(a)), float64(len(b))
	ranks, ties := 0.0, 0.0
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].v == all[i].v {
			j++
		}
		rank, same := float64(i+j+1)/2, float64(j-i)
		ties += same*same*same - same
		for ; i < j; i++ {
			if all[i].fromA {
				ranks += rank
			}
		}
	}
	u := ranks - n*(n+1)/2
	variance := n * m / 12 * (n + m + 1 - ties/((n+m)*(n+m-1)))
	if variance <= 0 {
		return 1
	}
	z := max(0, math.Abs(u-n*m/2)-0.5) / math.Sqrt(variance)
	return math.Erfc(z / math.Sqrt2)
}

// KolmogorovSmirnov is the greatest distance between the distributions of two
// samples, and how likely two samples of one distribution are as far apart
// (the asymptotic series, good from 20 values each).
func KolmogorovSmirnov(a, b []float64) (distance, p float64) {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	n, m := float64(len(a)), float64(len(b))
	for i, j := 0, 0; i < len(a) && j < len(b); {
		v := min(a[i], b[j])
		for i < len(a) && a[i] == v {
			i++
		}
		for j < len(b) && b[j] == v {
			j++
		}
		distance = max(distance, math.Abs(float64(i)/n-float64(j)/m))
	}
	root := math.Sqrt(n * m / (n + m))
	lambda := (root + 0.12 + 0.11/root) * distance
	if lambda < 0.2 {
		return distance, 1
	}
	for k := 1.0; k <= 100; k++ {
		p += 2 * math.Pow(-1, k-1) * math.Exp(-2*k*k*lambda*lambda)
	}
	return distance, min(1, max(0, p))
}
