package world

import (
	"math"
	"time"
)

// Chance decides everything random about one party. A decision depends only on the
// seed, the party, the order, the kind of decision and its number, never on which
// request came first, so two runs with one seed agree however their goroutines raced.
type Chance struct {
	seed  uint64
	party string
}

// NewChance returns the chance of one party under a seed.
func NewChance(seed int64, party string) Chance {
	return Chance{seed: uint64(seed), party: party}
}

// Float draws from [0, 1).
func (c Chance) Float(order, kind string, n int) float64 {
	return float64(c.hash(order, kind, n)>>11) / (1 << 53)
}

// Int draws from [0, limit). limit must be positive.
func (c Chance) Int(order, kind string, n, limit int) int {
	return int(c.hash(order, kind, n) % uint64(limit))
}

// Between draws from [low, high).
func (c Chance) Between(low, high float64, order, kind string, n int) float64 {
	return low + (high-low)*c.Float(order, kind, n)
}

// Normal draws from the standard normal distribution (Box–Muller over two draws).
func (c Chance) Normal(order, kind string, n int) float64 {
	u := 1 - c.Float(order, kind+"/u", n) // (0, 1]: its logarithm is finite
	v := c.Float(order, kind+"/v", n)
	return math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*v)
}

// hash is FNV-1a over the parts, each closed by a byte that no part contains, and
// then a finaliser, because FNV alone leaves the high bits of near inputs alike.
func (c Chance) hash(order, kind string, n int) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, part := range [...]string{c.party, order, kind} {
		for i := range len(part) {
			h = (h ^ uint64(part[i])) * prime
		}
		h = (h ^ 0xff) * prime
	}
	h ^= c.seed * 0x9e3779b97f4a7c15
	h += uint64(n) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// Spread is a log-normal distribution of durations, in seconds: half of the draws lie
// below the median, Sigma says how far they scatter, and the ends are cut off.
type Spread struct {
	MedianS float64 `json:"median_s"`
	Sigma   float64 `json:"sigma"`
	MinS    float64 `json:"min_s"`
	MaxS    float64 `json:"max_s"`
}

// Draw takes one duration, stretched by factor before the ends are cut.
func (s Spread) Draw(c Chance, factor float64, order, kind string, n int) time.Duration {
	v := s.MedianS * factor * math.Exp(s.Sigma*c.Normal(order, kind, n))
	v = max(v, s.MinS)
	if s.MaxS > 0 {
		v = min(v, s.MaxS)
	}
	return time.Duration(v * float64(time.Second))
}
