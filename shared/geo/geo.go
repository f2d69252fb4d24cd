// Package geo has the coordinates of 千帆: GCJ-02 degrees inside, BD-09 at the edges
// of those parties that want it.
package geo

import "math"

// Point is a place in GCJ-02 decimal degrees.
type Point struct {
	Lng float64 `json:"lng"`
	Lat float64 `json:"lat"`
}

// The box that holds China; a pair outside it is wrong, and most swapped pairs are.
const (
	minLng, maxLng = 73.0, 136.0
	minLat, maxLat = 3.0, 54.0
)

// InChina reports whether the point lies in the box around China.
func (p Point) InChina() bool {
	return p.Lng >= minLng && p.Lng <= maxLng && p.Lat >= minLat && p.Lat <= maxLat
}

// Swapped reports whether the point is outside China but inside it with longitude
// and latitude exchanged: worth a clearer error, never a silent repair.
func (p Point) Swapped() bool {
	return !p.InChina() && Point{Lng: p.Lat, Lat: p.Lng}.InChina()
}

const earthRadiusM = 6_371_000

// Metres is the great-circle distance to q, in whole metres.
func (p Point) Metres(q Point) int {
	rad := math.Pi / 180
	dLat, dLng := (q.Lat-p.Lat)*rad, (q.Lng-p.Lng)*rad
	h := math.Pow(math.Sin(dLat/2), 2) +
		math.Cos(p.Lat*rad)*math.Cos(q.Lat*rad)*math.Pow(math.Sin(dLng/2), 2)
	return int(math.Round(2 * earthRadiusM * math.Asin(math.Sqrt(h))))
}

// bdFactor is the constant of the published BD-09 transformation.
const bdFactor = math.Pi * 3000.0 / 180.0

// BD09 converts to Baidu's coordinates, as 闪送 (by default) and UU跑腿 want them.
func (p Point) BD09() (lng, lat float64) {
	z := math.Hypot(p.Lng, p.Lat) + 0.00002*math.Sin(p.Lat*bdFactor)
	theta := math.Atan2(p.Lat, p.Lng) + 0.000003*math.Cos(p.Lng*bdFactor)
	return z*math.Cos(theta) + 0.0065, z*math.Sin(theta) + 0.006
}

// FromBD09 converts Baidu's coordinates; the round trip is good to about a metre.
func FromBD09(lng, lat float64) Point {
	x, y := lng-0.0065, lat-0.006
	z := math.Hypot(x, y) - 0.00002*math.Sin(y*bdFactor)
	theta := math.Atan2(y, x) - 0.000003*math.Cos(x*bdFactor)
	return Point{Lng: z * math.Cos(theta), Lat: z * math.Sin(theta)}
}
