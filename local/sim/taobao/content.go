package taobao

import (
	"fmt"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

var (
	dishes  = []string{"照烧鸡腿饭", "番茄牛腩饭", "重庆小面", "酸汤水饺", "鲜虾云吞", "广式肠粉", "麻婆豆腐盖饭", "章鱼小丸子", "冰美式", "杨枝甘露"}
	streets = []string{"教工路", "莫干山路", "秋涛北路", "四川中路", "天目西路", "农林下路", "东风东路", "安定路", "阜成路", "西土城路"}
	estates = []string{"翠苑二区", "府苑新村", "春江花月", "都市水乡", "和平广场", "汇金国际", "尚城名邸", "文华公寓"}
	remarks = []string{"", "", "微辣，不要香菜", "请放前台 & 发短信", "多给一双筷子", "别敲门<狗会叫> 100%"}
)

// yuan writes 分 as a JSON number of 元, digit by digit.
type yuan money.Fen

// MarshalJSON writes 1250 分 as 12.50.
func (y yuan) MarshalJSON() ([]byte, error) { return []byte(money.Fen(y).Yuan()), nil }

// local writes an instant as local time without a zone.
type local time.Time

// MarshalJSON writes "2026-03-04T12:00:00", or null for the zero instant.
func (l local) MarshalJSON() ([]byte, error) {
	if time.Time(l).IsZero() {
		return []byte("null"), nil
	}
	return []byte(time.Time(l).In(world.Shanghai).Format(`"2006-01-02T15:04:05"`)), nil
}

// dto is an order as it is pushed.
type dto struct {
	ID                    string   `json:"id"`
	OrderID               string   `json:"orderId"`
	Address               string   `json:"address"`
	CreatedAt             local    `json:"createdAt"`
	ActiveAt              local    `json:"activeAt"`
	DeliverFee            yuan     `json:"deliverFee"`
	DeliverTime           local    `json:"deliverTime"`
	Description           string   `json:"description"`
	Groups                []group  `json:"groups"`
	Invoice               *string  `json:"invoice"`
	InvoiceType           *string  `json:"invoiceType"`
	TaxpayerID            *string  `json:"taxpayerId"`
	Book                  bool     `json:"book"`
	OnlinePaid            bool     `json:"onlinePaid"`
	PhoneList             []string `json:"phoneList"`
	SecretPhoneExpireTime local    `json:"secretPhoneExpireTime"`
	ShopID                int64    `json:"shopId"`
	OpenID                string   `json:"openId"`
	ShopName              string   `json:"shopName"`
	DaySn                 int      `json:"daySn"`
	Status                string   `json:"status"`
	RefundStatus          string   `json:"refundStatus"`
	TotalPrice            yuan     `json:"totalPrice"`
	OriginalPrice         yuan     `json:"originalPrice"`
	PackageFee            yuan     `json:"packageFee"`
	Consignee             string   `json:"consignee"`
	DeliveryGeo           string   `json:"deliveryGeo"`
	DeliveryPoiAddress    string   `json:"deliveryPoiAddress"`
	Invoiced              bool     `json:"invoiced"`
	Downgraded            bool     `json:"downgraded"`
}

type group struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Items []item `json:"items"`
}

// item is one line of an order.
type item struct {
	ID       int    `json:"id"`
	Name     string `json:"name"`
	Price    yuan   `json:"price"`
	Quantity int    `json:"quantity"`
	Total    yuan   `json:"total"`
	Weight   int    `json:"weight"` // g
}

const deliverFee, packageFee, discount money.Fen = 450, 150, 200

// DefaultPhoneLife is how long a privacy number holds. GAP.
const DefaultPhoneLife = 24 * time.Hour

// content is an order as the platform describes it.
func (s *Service) content(o *order) dto {
	total := o.value + deliverFee + packageFee - discount
	life := int(s.options.Clock.Now().Sub(o.created) / s.options.PhoneLife) // numbers that ran out are replaced
	street := fmt.Sprintf("%s%s%d号", o.shop.CityName, streets[s.chance.Int(o.key, "street", 0, len(streets))], 1+s.chance.Int(o.key, "house", 0, 900))
	return dto{
		ID: o.no, OrderID: o.no, CreatedAt: local(o.created), ActiveAt: local(o.created), DeliverTime: local(o.expected), Book: !o.expected.IsZero(),
		Address: fmt.Sprintf("%s（%s）%d幢%d室", street, estates[s.chance.Int(o.key, "estate", 0, len(estates))],
			1+s.chance.Int(o.key, "building", 0, 30), 101+s.chance.Int(o.key, "room", 0, 1800)),
		Description: remarks[s.chance.Int(o.key, "remark", 0, len(remarks))],
		Groups:      []group{{"1号篮子", "normal", s.items(o)}},
		PhoneList:   []string{s.phone(o.key, 2*life), s.phone(o.key, 2*life+1)}, SecretPhoneExpireTime: local(o.created.Add(time.Duration(life+1) * s.options.PhoneLife)),
		ShopID: s.shopIDs[o.shop.Code], OpenID: o.shop.Code, ShopName: o.shop.Name, DaySn: o.daySN,
		Status: "valid", RefundStatus: "noRefund", OnlinePaid: true,
		TotalPrice: yuan(total), OriginalPrice: yuan(total + discount), PackageFee: yuan(packageFee), DeliverFee: yuan(deliverFee),
		Consignee: s.chance.Person(o.key, "recipient", 0), DeliveryGeo: o.dropoff.LngText() + "," + o.dropoff.LatText(), DeliveryPoiAddress: street,
	}
}

// items are one to four dishes that cost the order's value together.
func (s *Service) items(o *order) []item {
	n := 1 + s.chance.Int(o.key, "dishes", 0, 4)
	items := make([]item, n)
	left := o.value
	for i := range items {
		price := o.value / money.Fen(n)
		if i == n-1 {
			price = left
		}
		left -= price
		k := s.chance.Int(o.key, "dish", i, len(dishes))
		items[i] = item{ID: 1000 + k, Name: dishes[k], Price: yuan(price), Quantity: 1, Total: yuan(price), Weight: 200 + 50*s.chance.Int(o.key, "weight", i, 10)}
	}
	return items
}

// phone is a privacy number with an extension that stands for the customer's own.
func (s *Service) phone(key string, n int) string {
	return fmt.Sprintf("%s_%04d", s.chance.Mobile(key, "recipient", n), s.chance.Int(key, "extension", n, 10000))
}

// change is the body of a message about an order's state.
type change struct {
	OrderID    string `json:"orderId"`
	State      string `json:"state"`
	ShopID     int64  `json:"shopId"`
	UpdateTime int64  `json:"updateTime"` // s
	Role       int    `json:"role"`
}

// customer is the role of whoever ordered.
const customer = 1
