// Package sim puts the simulated world together: the shops that every platform knows,
// and the customers who order from them. The parties are in the packages below.
package sim

import (
	"fmt"
	"math"

	"github.com/chuandao/qianfan/local/sim/world"
)

// city is where shops are, with places to name them after.
type city struct {
	code, name string
	centre     world.Point
	areaCode   string // of telephones
	streets    []string
}

var cities = []city{
	{"330100", "杭州市", world.Point{Lng: 120.1551, Lat: 30.2741}, "0571", []string{"文三路", "延安路", "体育场路", "凤起路", "庆春路"}},
	{"310100", "上海市", world.Point{Lng: 121.4737, Lat: 31.2304}, "021", []string{"南京西路", "淮海中路", "四川北路", "长宁路", "漕溪北路"}},
	{"440100", "广州市", world.Point{Lng: 113.2644, Lat: 23.1291}, "020", []string{"北京路", "天河路", "体育西路", "江南西路", "环市东路"}},
	{"110100", "北京市", world.Point{Lng: 116.4074, Lat: 39.9042}, "010", []string{"王府井大街", "建国路", "中关村大街", "朝阳门外大街", "西单北大街"}},
}

var brands = []string{"老街面馆", "江南小厨", "粥铺", "川香阁", "鲜果时光", "茶语", "烧腊王", "饺子馆", "轻食研究所", "小龙坎串串", "便民超市", "康民大药房"}

const shopsPerCity = 12

// Shops are the shops of the simulated world, 48 over four cities. Codes and cities are
// always the same; the seed decides names and places, but for qf-shop-0001, which is in
// 杭州 at 120.155100, 30.274100 for ever.
func Shops(seed int64) []world.Shop {
	c := world.NewChance(seed, "shops")
	var shops []world.Shop
	for n := range shopsPerCity * len(cities) {
		shops = append(shops, shop(c, n))
	}
	shops[0].Lng, shops[0].Lat = 120.155100, 30.274100
	return shops
}

// shop is the n-th shop; cities take turns, so any first few shops span all of them.
func shop(c world.Chance, n int) world.Shop {
	in := cities[n%len(cities)]
	code := fmt.Sprintf("qf-shop-%04d", n+1)
	p := in.centre.Away(c.Between(300, 6000, code, "distance", 0), c.Between(0, 2*math.Pi, code, "direction", 0))
	street := in.streets[c.Int(code, "street", 0, len(in.streets))]
	return world.Shop{
		Code: code, City: in.code, CityName: in.name,
		Name:    brands[c.Int(code, "brand", 0, len(brands))] + "（" + street + "店）",
		Phone:   fmt.Sprintf("%s-%08d", in.areaCode, 50000000+c.Int(code, "phone", 0, 39999999)),
		Address: fmt.Sprintf("%s%s%d号", in.name, street, 1+c.Int(code, "house", 0, 800)),
		Lng:     p.Lng, Lat: p.Lat,
	}
}
