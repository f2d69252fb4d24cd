package geo_test

import (
	"math"
	"testing"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The pair that descriptions of the transformation commonly quote, near 天安门.
func TestBD09KnownPair(t *testing.T) {
	t.Parallel()
	lng, lat := geo.Point{Lng: 116.404, Lat: 39.915}.BD09()
	require.InDelta(t, 116.41036949371029, lng, 1e-12)
	require.InDelta(t, 39.92133699351022, lat, 1e-12)
	back := geo.FromBD09(116.404, 39.915)
	require.InDelta(t, 116.39762729119315, back.Lng, 1e-12)
	require.InDelta(t, 39.90865673957631, back.Lat, 1e-12)
}

func TestBox(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		p               geo.Point
		inside, swapped bool
	}{
		{geo.Point{Lng: 120.1551, Lat: 30.2741}, true, false},
		{geo.Point{Lng: 73, Lat: 3}, true, false},
		{geo.Point{Lng: 136, Lat: 54}, true, false},
		{geo.Point{Lng: 136.0001, Lat: 54}, false, false},
		{geo.Point{Lng: 30.2741, Lat: 120.1551}, false, true},
		{geo.Point{}, false, false},
		{geo.Point{Lng: math.NaN(), Lat: 30}, false, false},
		{geo.Point{Lng: math.Inf(1), Lat: 30}, false, false},
	} {
		require.Equal(t, tc.inside, tc.p.InChina(), "%v", tc.p)
		require.Equal(t, tc.swapped, tc.p.Swapped(), "%v", tc.p)
	}
}

func TestMetresKnown(t *testing.T) {
	t.Parallel()
	// A degree of latitude is π/180 of the radius everywhere.
	require.InDelta(t, 111_195, geo.Point{Lng: 120, Lat: 30}.Metres(geo.Point{Lng: 120, Lat: 31}), 1)
	// A degree of longitude shrinks with the cosine: half at 60°, here 0.866 at 30°.
	require.InDelta(t, 96_297, geo.Point{Lng: 120, Lat: 30}.Metres(geo.Point{Lng: 121, Lat: 30}), 5)
}

func inChina(t *rapid.T, label string) geo.Point {
	return geo.Point{
		Lng: rapid.Float64Range(73, 136).Draw(t, label+" lng"),
		Lat: rapid.Float64Range(3, 54).Draw(t, label+" lat"),
	}
}

func TestProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, q := inChina(t, "p"), inChina(t, "q")
		require.True(t, p.InChina())
		require.False(t, p.Swapped(), "a point inside is never called swapped")
		require.Equal(t, p.Metres(q), q.Metres(p))
		require.Zero(t, p.Metres(p))

		lng, lat := p.BD09()
		require.LessOrEqual(t, geo.FromBD09(lng, lat).Metres(p), 1, "round trip")
		away := p.Metres(geo.Point{Lng: lng, Lat: lat})
		require.True(t, away > 300 && away < 2000, "BD-09 lies some hundred metres off, not %d", away)
	})
}
