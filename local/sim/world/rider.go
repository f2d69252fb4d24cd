package world

import "fmt"

var (
	surnames   = []string{"王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林"}
	givenNames = []string{"伟", "强", "军", "磊", "洋", "勇", "杰", "涛", "超", "明", "建国", "志强", "海波", "小龙", "文博", "永刚", "秀英", "婷", "静", "丽"}
	mobiles    = []string{"135", "136", "137", "138", "139", "150", "158", "176", "186", "188"}
)

// Person is a full Chinese name drawn for an order.
func (c Chance) Person(order, kind string, n int) string {
	return surnames[c.Int(order, kind+"/surname", n, len(surnames))] + givenNames[c.Int(order, kind+"/given", n, len(givenNames))]
}

// Mobile is a mobile number of eleven digits drawn for an order.
func (c Chance) Mobile(order, kind string, n int) string {
	return fmt.Sprintf("%s%08d", mobiles[c.Int(order, kind+"/prefix", n, len(mobiles))], c.Int(order, kind+"/mobile", n, 1e8))
}

func (f *Fleet) rider(j *job) *Rider {
	return &Rider{
		ID:     fmt.Sprint(100000 + f.chance.Int(j.key(), "rider", j.round, 900000)),
		Name:   f.chance.Person(j.key(), "rider", j.round),
		Mobile: f.chance.Mobile(j.key(), "rider", j.round),
	}
}

// RiderPosition is a rider on the map, in GCJ-02.
type RiderPosition struct {
	Carrier   string  `json:"carrier"`
	CarrierNo string  `json:"carrier_no"`
	ClientNo  string  `json:"client_no"`
	State     State   `json:"state"`
	Rider     Rider   `json:"rider"`
	Lng       float64 `json:"lng"`
	Lat       float64 `json:"lat"`
}

// Positions are all riders who carry something now, in no order.
func (f *Fleet) Positions() []RiderPosition {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock.Now()
	all := make([]RiderPosition, 0, len(f.live))
	for j := range f.live {
		if j.Rider != nil {
			p := j.ride.at(now)
			all = append(all, RiderPosition{f.party, j.CarrierNo, j.ClientNo, j.State, *j.Rider, p.Lng, p.Lat})
		}
	}
	return all
}

// Position is where the rider of an order is; false while it has none.
func (f *Fleet) Position(carrierNo string) (Point, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	j, ok := f.jobs[carrierNo]
	if !ok || j.Rider == nil {
		return Point{}, false
	}
	return j.ride.at(f.clock.Now()), true
}
