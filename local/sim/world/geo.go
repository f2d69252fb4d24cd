package world

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Point is a place in degrees. Inside the simulators every point is GCJ-02; parties
// that speak BD-09 convert at their edge.
type Point struct {
	Lng float64 `json:"lng"`
	Lat float64 `json:"lat"`
}

// ParsePoint reads a longitude and a latitude as text and refuses what is not in China
// (lng 73–136, lat 3–54), which catches most swapped pairs.
func ParsePoint(lng, lat string) (Point, error) {
	x, errX := strconv.ParseFloat(lng, 64)
	y, errY := strconv.ParseFloat(lat, 64)
	if errX != nil || errY != nil {
		return Point{}, fmt.Errorf("coordinates %q, %q are not numbers", lng, lat)
	}
	if !(x >= 73 && x <= 136 && y >= 3 && y <= 54) {
		return Point{}, fmt.Errorf("coordinates %q, %q are outside China", lng, lat)
	}
	return Point{x, y}, nil
}

// LngText and LatText write a coordinate with the six decimals (0.1 m) used on wires.
func (p Point) LngText() string { return strconv.FormatFloat(p.Lng, 'f', 6, 64) }

// LatText writes the latitude; see LngText.
func (p Point) LatText() string { return strconv.FormatFloat(p.Lat, 'f', 6, 64) }

// Rounded cuts the point to six decimals.
func (p Point) Rounded() Point {
	return Point{math.Round(p.Lng*1e6) / 1e6, math.Round(p.Lat*1e6) / 1e6}
}

const (
	earthM   = 6371000.0
	degreeM  = earthM * math.Pi / 180
	bdPeriod = math.Pi * 3000 / 180
)

// Metres is the length of the straight line from p to q.
func (p Point) Metres(q Point) float64 {
	rad := math.Pi / 180
	dLat, dLng := (q.Lat-p.Lat)*rad/2, (q.Lng-p.Lng)*rad/2
	a := math.Sin(dLat)*math.Sin(dLat) + math.Cos(p.Lat*rad)*math.Cos(q.Lat*rad)*math.Sin(dLng)*math.Sin(dLng)
	return 2 * earthM * math.Asin(math.Min(1, math.Sqrt(a)))
}

// Away is the point so many metres from p in a direction (radians from east).
func (p Point) Away(metres, direction float64) Point {
	return Point{
		Lng: p.Lng + metres*math.Cos(direction)/(degreeM*math.Cos(p.Lat*math.Pi/180)),
		Lat: p.Lat + metres*math.Sin(direction)/degreeM,
	}.Rounded()
}

// BD09 converts a GCJ-02 point to BD-09.
func (p Point) BD09() Point {
	r := math.Hypot(p.Lng, p.Lat) + 0.00002*math.Sin(p.Lat*bdPeriod)
	t := math.Atan2(p.Lat, p.Lng) + 0.000003*math.Cos(p.Lng*bdPeriod)
	return Point{r*math.Cos(t) + 0.0065, r*math.Sin(t) + 0.006}
}

// FromBD09 converts a BD-09 point to GCJ-02. There and back is exact to about a metre.
func FromBD09(p Point) Point {
	x, y := p.Lng-0.0065, p.Lat-0.006
	r := math.Hypot(x, y) - 0.00002*math.Sin(y*bdPeriod)
	t := math.Atan2(y, x) - 0.000003*math.Cos(x*bdPeriod)
	return Point{r * math.Cos(t), r * math.Sin(t)}
}

// track is a ride along a straight line. A zero track has no length and stays put.
type track struct {
	from, to   Point
	start, end time.Time
}

// share is how much of the ride is done at an instant, 0 to 1.
func (t track) share(at time.Time) float64 {
	whole := t.end.Sub(t.start)
	if whole <= 0 || !at.Before(t.end) {
		return 1
	}
	return max(0, float64(at.Sub(t.start))/float64(whole))
}

// at is where the rider is at an instant.
func (t track) at(at time.Time) Point {
	s := t.share(at)
	return Point{t.from.Lng + (t.to.Lng-t.from.Lng)*s, t.from.Lat + (t.to.Lat-t.from.Lat)*s}.Rounded()
}

func stand(p Point) track { return track{from: p, to: p} }
