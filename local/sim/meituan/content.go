package meituan

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

var (
	dishes  = []string{"黄焖鸡米饭", "鱼香肉丝盖饭", "兰州牛肉面", "麻辣香锅", "酸菜鱼", "皮蛋瘦肉粥", "烤冷面", "小笼包", "扬州炒饭", "奶茶（大杯）"}
	streets = []string{"文一西路", "人民中路", "解放东路", "中山北路", "建国门外大街", "天河路", "淮海中路", "学院路", "和平里西街", "体育西路"}
	estates = []string{"翠苑一区", "阳光花园", "金色家园", "云栖小镇", "绿城桂花园", "时代广场", "海创大厦", "锦绣华庭"}
	remarks = []string{"", "", "不要辣，谢谢", "放门口 & 打电话", "少放盐；餐具 2 份", "到了请按门铃，孩子在睡觉 100%"}
)

// longFields arrive URL-encoded inside the form, so that a receiver decodes them twice.
var longFields = []string{"caution", "detail", "extras", "recipient_", "wm_poi_", "poi_receive_detail"}

func isLong(field string) bool {
	for _, prefix := range longFields {
		if strings.HasPrefix(field, prefix) {
			return true
		}
	}
	return false
}

// food is one line of detail; 元 as JSON numbers, the way 美团 writes them.
type food struct {
	AppFoodCode string `json:"app_food_code"`
	FoodName    string `json:"food_name"`
	Quantity    int    `json:"quantity"`
	Price       yuan   `json:"price"`
	BoxNum      int    `json:"box_num"`
	BoxPrice    yuan   `json:"box_price"`
	Unit        string `json:"unit"`
	Weight      int    `json:"weight"` // g
}

// yuan writes 分 as a JSON number of 元, digit by digit.
type yuan money.Fen

// MarshalJSON writes 1250 分 as 12.50.
func (y yuan) MarshalJSON() ([]byte, error) { return []byte(money.Fen(y).Yuan()), nil }

type extra struct {
	ActDetailID int    `json:"act_detail_id"`
	ReduceFee   yuan   `json:"reduce_fee"`
	Remark      string `json:"remark"`
	Type        int    `json:"type"`
}

const shippingFee, packageFee, discount money.Fen = 500, 100, 300

// paid are the parameters of the push of a paid order, signature and timestamp apart.
func (s *Service) paid(o *order) map[string]string {
	foods := s.foods(o)
	total := o.value + shippingFee + packageFee - discount
	weight := 0
	for _, f := range foods {
		weight += f.Weight * f.Quantity
	}
	name, phone := s.chance.Person(o.key, "recipient", 0), s.privacyPhone(o.key, 0)
	seconds := func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
	delivery, arrival := "0", o.created.Add(45*time.Minute)
	if !o.expected.IsZero() {
		delivery, arrival = seconds(o.expected), o.expected
	}
	params := map[string]string{
		"order_id": o.no, "wm_order_id_view": o.no,
		"app_poi_code": o.shop.Code, "wm_poi_name": o.shop.Name, "wm_poi_address": o.shop.Address, "wm_poi_phone": o.shop.Phone,
		"recipient_name": name, "recipient_address": s.address(o), "recipient_phone": phone,
		"backup_recipient_phone": string(world.JSON([]string{s.privacyPhone(o.key, 1)})),
		"latitude":               o.dropoff.LatText(), "longitude": o.dropoff.LngText(),
		"shipping_fee": shippingFee.Yuan(), "total": total.Yuan(), "original_price": (total + discount).Yuan(),
		"package_bag_money":  strconv.FormatInt(int64(packageFee), 10),
		"poi_receive_detail": string(world.JSON(map[string]money.Fen{"wmPoiReceiveCent": total - shippingFee, "logisticsFee": shippingFee})),
		"status":             "2", "delivery_time": delivery, "estimate_arrival_time": seconds(arrival),
		"ctime": seconds(o.created), "utime": seconds(o.created),
		"caution": remarks[s.chance.Int(o.key, "remark", 0, len(remarks))], "has_invoiced": "0", "invoice_title": "", "taxpayer_id": "",
		"total_weight": strconv.Itoa(weight), "day_seq": s.daily(o), "is_pre_sale_order": strconv.FormatBool(delivery != "0"), "pick_type": "0",
		"logistics_code": "0000", "incmp_code": "0", "incmp_modules": "[]",
		"detail": string(world.JSON(foods)), "extras": string(world.JSON([]extra{{1001, yuan(discount), "满减优惠", 2}})),
	}
	for k, v := range params {
		if isLong(k) {
			// %20 rather than +: a decoder of either kind reads it.
			params[k] = strings.ReplaceAll(url.QueryEscape(v), "+", "%20")
		}
	}
	return params
}

// foods are one to four dishes that cost the order's value together.
func (s *Service) foods(o *order) []food {
	n := 1 + s.chance.Int(o.key, "dishes", 0, 4)
	foods := make([]food, n)
	left := o.value
	for i := range foods {
		price := o.value / money.Fen(n)
		if i == n-1 {
			price = left
		}
		left -= price
		k := s.chance.Int(o.key, "dish", i, len(dishes))
		foods[i] = food{
			AppFoodCode: fmt.Sprintf("sku-%03d", k+1), FoodName: dishes[k], Quantity: 1, Price: yuan(price),
			BoxNum: 1, Unit: "份", Weight: 250 + 50*s.chance.Int(o.key, "weight", i, 10),
		}
	}
	return foods
}

// privacyPhone is a number with an extension that stands for the customer's own.
func (s *Service) privacyPhone(key string, n int) string {
	return fmt.Sprintf("%s_%04d", s.chance.Mobile(key, "recipient", n), s.chance.Int(key, "extension", n, 10000))
}

// address is the customer's own words, then what the map says about the place.
func (s *Service) address(o *order) string {
	street := streets[s.chance.Int(o.key, "street", 0, len(streets))]
	return fmt.Sprintf("%s %d幢%d室@#%s%s%d号", estates[s.chance.Int(o.key, "estate", 0, len(estates))],
		1+s.chance.Int(o.key, "building", 0, 30), 101+s.chance.Int(o.key, "room", 0, 1800),
		o.shop.CityName, street, 1+s.chance.Int(o.key, "house", 0, 900))
}

// daily is the order's running number at its shop on its local day.
func (s *Service) daily(o *order) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := o.shop.Code + o.created.In(world.Shanghai).Format("|20060102")
	s.daySeq[k]++
	return strconv.Itoa(s.daySeq[k])
}
