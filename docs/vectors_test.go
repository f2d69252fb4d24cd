// Package docs_test holds the documents to what they say.
package docs_test

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	dadasim "github.com/chuandao/qianfan/local/sim/dada"
	fengniaosim "github.com/chuandao/qianfan/local/sim/fengniao"
	jdsim "github.com/chuandao/qianfan/local/sim/jd"
	meituansim "github.com/chuandao/qianfan/local/sim/meituan"
	sftcsim "github.com/chuandao/qianfan/local/sim/sftc"
	shansongsim "github.com/chuandao/qianfan/local/sim/shansong"
	taobaosim "github.com/chuandao/qianfan/local/sim/taobao"
	uuptsim "github.com/chuandao/qianfan/local/sim/uupt"
	"github.com/chuandao/qianfan/shared/carrier/dada"
	"github.com/chuandao/qianfan/shared/carrier/fengniao"
	"github.com/chuandao/qianfan/shared/carrier/sftc"
	"github.com/chuandao/qianfan/shared/carrier/shansong"
	"github.com/chuandao/qianfan/shared/carrier/uupt"
	"github.com/chuandao/qianfan/shared/upstream/jd"
	"github.com/chuandao/qianfan/shared/upstream/meituan"
	"github.com/chuandao/qianfan/shared/upstream/taobao"
)

// values are the parameters that a scheme signs.
type values = map[string]string

// scheme makes one signature: the adapter's and the simulator's, which share no code. Of a
// protocol that nobody here speaks adapter is the rule written out below, and simulator nil.
type scheme struct {
	adapter, simulator func(secret string, in values) string
}

// vector is one row of the references' tables of signatures.
type vector struct {
	name   string
	by     scheme
	secret string
	in     values
	want   string
}

// Parameters that are no field of the message but part of what is signed.
const (
	address = "URL"
	text    = "TEXT"
)

var (
	uu3 = scheme{
		func(secret string, in values) string { return uupt.Sign(in["biz"], secret, in["timestamp"]) },
		func(secret string, in values) string {
			at, _ := strconv.ParseInt(in["timestamp"], 10, 64)
			return uuptsim.Sign(in["biz"], secret, at)
		},
	}
	iss = scheme{shansong.Sign, shansongsim.Sign}
	sf  = scheme{
		func(secret string, in values) string {
			id, _ := strconv.ParseInt(in["dev_id"], 10, 64)
			return sftc.Sign([]byte(in[text]), id, secret)
		},
		func(secret string, in values) string { return sftcsim.Sign([]byte(in[text]), in["dev_id"], secret) },
	}
	fn       = scheme{fengniao.Sign, fengniaosim.Sign}
	dadaCall = scheme{dada.Sign, func(secret string, in values) string {
		return dadasim.Credentials{AppKey: in["app_key"], AppSecret: secret, SourceID: in["source_id"]}.Sign(in["body"], in["timestamp"])
	}}
	dadaPush = scheme{
		func(_ string, in values) string {
			return dada.SignPush(in["client_id"], in["order_id"], in["update_time"])
		},
		func(_ string, in values) string {
			return dadasim.SignCallback(in["client_id"], in["order_id"], in["update_time"])
		},
	}
	mt  = scheme{signedAt(meituan.Sign), signedAt(meituansim.Sign)}
	jds = scheme{turned(jd.Sign), turned(jdsim.Sign)}
	ele = scheme{turned(taobao.Sign), turned(taobaosim.Sign)}
)

func turned(sign func(values, string) string) func(string, values) string {
	return func(secret string, in values) string { return sign(in, secret) }
}

func signedAt(sign func(string, values, string) string) func(string, values) string {
	return func(secret string, in values) string {
		params := maps.Clone(in)
		delete(params, address)
		return sign(in[address], params, secret)
	}
}

// The schemes of protocols that nobody here speaks, by the references' rules.
var (
	uu2 = scheme{adapter: func(secret string, in values) string {
		return upperMD5(strings.ToUpper(pairs(in, "=", "&") + "&key=" + secret))
	}}
	peisong = scheme{adapter: func(secret string, in values) string {
		return lowerSHA1(secret + pairs(in, "", ""))
	}}
	developer = scheme{adapter: func(secret string, in values) string { return lowerSHA1(secret + pairsOfAll(in, "", "")) }}
	retail    = scheme{adapter: func(secret string, in values) string {
		in = maps.Clone(in)
		in["secret"] = secret
		return upperMD5(pairsOfAll(in, "=", "&"))
	}}
	maiyatian = scheme{adapter: func(secret string, in values) string { return upperMD5(secret + pairsOfAll(in, "", "") + secret) }}
	wechat    = scheme{adapter: func(secret string, in values) string {
		return lowerSHA1(in["shopid"] + in["shop_order_id"] + secret)
	}}
	fn2 = scheme{adapter: func(_ string, in values) string {
		return lowerMD5("app_id=" + in["app_id"] + "&access_token=" + in["access_token"] + "&data=" + in["data"] + "&salt=" + in["salt"])
	}}
)

func pairsOfAll(in values, equals, and string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(in)) {
		list = append(list, name+equals+in[name])
	}
	return strings.Join(list, and)
}

// pairs leaves empty values out.
func pairs(in values, equals, and string) string {
	in = maps.Clone(in)
	maps.DeleteFunc(in, func(_, value string) bool { return value == "" })
	return pairsOfAll(in, equals, and)
}

func lowerMD5(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

func upperMD5(text string) string { return strings.ToUpper(lowerMD5(text)) }

func lowerSHA1(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// plus is a set of parameters with more of them.
func plus(in values, more ...string) values {
	in = maps.Clone(in)
	for i := 0; i < len(more); i += 2 {
		in[more[i]] = more[i+1]
	}
	return in
}

// carrierVectors are those of the reference on carriers (§6).
func carrierVectors() []vector {
	const (
		uuKey, uu2Key, issKey = "uu-test-app-key-0001", "uu2testappkey", "iss-test-secret-0001"
		sfKey, fnKey          = "sf-test-dev-key-0001", "fn-test-secret-0001"
		iss1                  = `{"issOrderNo":"TDH2025053050205843"}`
	)
	biz := func(text, at string) values { return values{"biz": text, "timestamp": at} }
	body := func(json string) values { return values{text: json, "dev_id": "1500000001"} }
	issBase := values{"clientId": "ssTestClient01", "timestamp": "1700000000000"}
	issShop := plus(issBase, "shopId", "20000000000000001")
	fnBase := values{"app_id": "6000000000000000001", "merchant_id": "1000001", "timestamp": "1700000000000"}
	fnCall := plus(fnBase, "access_token", "fn-access-token-0001", "version", "1.0")
	uu2Base := values{"appid": "uu2testappid", "order_code": "U54321000012011111519160131060"}
	return []vector{
		{"UU3-1", uu3, uuKey, biz(`{"cityName":"郑州市","fromAddress":"郑州市金水区花园路","sendType":"SEND","toAddress":"郑州市二七区大学路"}`, "1700000000"), "0789A54FC8ECD1001D454DE064633AC5"},
		{"UU3-2", uu3, uuKey, biz(`{"orderCode":"240812164010379000014456"}`, "1700000000"), "A9979433871080B732A76732E2592031"},
		{"UU3-3", uu3, uuKey, biz(`{}`, "1700000000"), "5E4B74ED077C5F9004AAD9818F2CE98E"},
		{"UU3-4", uu3, uuKey, biz(`{"orderCode":"240812164010379000014456","originId":"PS202401010001","state":3,"stateText":"跑男抢单","driverName":"张三","driverMobile":"13800000000","driverPhoto":"","changeTime":1700000060000}`, "1700000060"),
			"F1A86E21B669CC3E1198047BB00904E4"},
		{"UU2-1", uu2, uu2Key, plus(uu2Base, "openid", "uu2testopenid", "nonce_str", "0123456789abcdef0123456789abcdef", "timestamp", "1700000000", "reason", "测试abc"),
			"2AA8F00817FC5A8879A66F9455A5BB72"},
		{"UU2-2", uu2, uu2Key, plus(uu2Base, "driver_jobnum", "1001", "driver_mobile", "13800000000", "driver_name", "张三", "nonce_str", "abcdef0123456789",
			"origin_id", "PS202401010001", "return_code", "ok", "return_msg", "成功", "state", "3", "state_text", "跑男抢单"), "12CDA322BA8CCB2E1F90BEC0D68F2603"},
		{"ISS-1", iss, issKey, plus(issShop, "data", iss1), "0898633B485C8170F02013EC4CA815F4"},
		{"ISS-2", iss, issKey, plus(issShop, "data", `{"cityName":"北京市","appointType":0}`), "323969E9F95C1A3E2F4C923DF124E61F"},
		{"ISS-3", iss, issKey, issShop, "3BD771A0D84B89E69A7BDCBE43731EBF"},
		{"ISS-4", iss, issKey, plus(issBase, "data", iss1, "accessToken", "access-token-0001"), "237E35527FA46126406BB5EB615E443E"},
		{"SF-1", sf, sfKey, body(`{"dev_id":1500000001,"order_id":"3370126808465994769","order_type":1,"push_time":1700000000}`), "MmUwZmIzMDI5MzY3ZTBkODI5N2QzMmE0NWNlMjBlNWU="},
		{"SF-2", sf, sfKey, body(`{"dev_id":1500000001,"shop_id":"3243000000001","user_address":"北京市海淀区学清路","push_time":1700000000}`), "NWMwOTBkZTU5NjNlNWFmY2UwNGMyY2EyZjM3YWYwMzA="},
		{"SF-3", sf, sfKey, body(`{"sf_order_id":"3370126808465994769","shop_order_id":"PS202401010001","url_index":"rider_status","operator_name":"测试","operator_phone":"18270000000","rider_lng":113.905604,"rider_lat":22.558814,"order_status":10,"status_desc":"配送员确认","push_time":1700000060}`),
			"NGZkODE0MGM4NjUxM2NhOTJhYzM5OWRmNWZkMjU0MGI="},
		{"FN-1", fn, fnKey, plus(fnBase, "code", "auth-code-0001", "grant_type", "authorization_code"), "8b8bae1c5746614ec95ead4534cf67f25122835cc7457afe597a20dc5ec0b9ac"},
		{"FN-2", fn, fnKey, plus(fnBase, "refresh_token", "fn-refresh-0001", "grant_type", "refresh_token"), "b7c236543d2a35dee7fb1969d774da35b22ada721d3e36109fdfe554d684b8c2"},
		{"FN-3", fn, fnKey, plus(fnCall, "business_data", `{"order_id":100000000000000001}`), "5c3fb76ac0aad4a15b47d569854adf6ad8fb0314a6015615621e42cb42ed2e67"},
		{"FN-4", fn, fnKey, plus(fnCall, "business_data", `{"receiver_address":"上海市普陀区近铁城市广场"}`), "8893989997ebff5eecf769a6f750431e4174ff49696c50609e845508c99d0d7c"},
		{"FN-5", fn, fnKey, values{"app_id": "6000000000000000001", "timestamp": "1700000060000",
			"business_data": `{"callback_business_type":"authNotify","param":{"merchant_id":"1000001"}}`}, "5a5a30a0e08e872dc8267a6410696c077b4163c77416134f64406b5d2066de4c"},
	}
}

// platformVectors are those of the reference on platforms (§11).
func platformVectors() []vector {
	const key = "testsecret"
	ours := values{"order_id": "T20261102000001"}
	return []vector{
		{"1", peisong, "test", values{"appkey": "test", "timestamp": "1477395862", "version": "1.0", "number": "123", "string": "测试", "double": "123.123",
			"boolean": "true", "empty": ""}, "8943ba698f4b009f80dc2fd69ff9b313381263bd"},
		{"2", peisong, "test", plus(ours, "appkey", "test", "courier_name", "张三", "courier_phone", "13800000000", "delivery_id", "20261102000001",
			"mt_peisong_id", "1477395862000", "status", "20", "timestamp", "1793600000", "cancel_reason_id", "", "cancel_reason", ""), "ec74d60cabe27f53c94a0532fa006de4309017e8"},
		{"3", mt, key, values{address: "https://waimaiopen.meituan.com/api/v1/order/getOrderDaySeq", "app_id": "0000", "app_poi_code": "31号测试店",
			"timestamp": "1389751221"}, "705f9f525b6fb622a9afa83ca7597845"},
		{"4", mt, key, values{address: "https://agg.example.com/upstream/meituan/order/cancel", "app_id": "0000", "deal_op_type": "1",
			"order_id": "27061900338318741", "reason": "用户要求取消", "reason_code": "2006", "timestamp": "1793600000"}, "72ef1180d940d0be266aa2a440115e43"},
		{"5", developer, "testsignkey", values{"appAuthToken": "tok", "biz": `{"orderId":"27061900338318741"}`, "businessId": "16", "charset": "utf-8",
			"developerId": "100000", "timestamp": "1793600000", "version": "2"}, "a82e6d305e0f021a94c9cf06abbf71d251821a19"},
		{"6", jds, "yourappSecret", values{"app_key": "yourappkey", "format": "json", "jd_param_json": `{"billId":"10003129","statusId":"33060","timestamp":"2015-10-16 13:23:30"}`,
			"timestamp": "2015-10-16 13:23:30", "token": "yourtoken", "v": "1.0"}, "2A92A24BC0C7A16F80E65A2E3520FFFE"},
		{"7", dadaCall, key, values{"app_key": "dadatest", "body": `{"order_id":"T20261102000001"}`, "format": "json", "source_id": "73753",
			"timestamp": "1793600000", "v": "1.0"}, "3BE75783A77624202AD14870B523DA0D"},
		{"8", dadaPush, "", plus(ours, "client_id", "1234567890", "update_time", "1793600000"), "cec59d3cf882add68642c9459661124f"},
		{"9", dadaPush, "", plus(ours, "client_id", "", "update_time", "1793600000"), "23c716ed5082a59c9364db2739a1a374"},
		{"10", ele, key, values{"appId": "22954133", "message": `{"orderId":"1200897812792015983","state":"invalid","shopId":720032,"updateTime":1488774535,"role":1}`,
			"requestId": "100000021764401594", "shopId": "720032", "timestamp": "1488774535366", "type": "14", "userId": "98587250597500702"}, "EB866ACABC1CE278F9AC7B6F75A5A23A"},
		{"11", retail, key, values{"body": `{"order_id":"4000001"}`, "cmd": "order.status.push", "encrypt": "", "source": "35142",
			"ticket": "7F3C2A10-1B2C-4D5E-8F90-ABCDEF012345", "timestamp": "1793600000", "version": "3"}, "8C5309BC7266E60C278349448FD083D3"},
		{"12", wechat, "test_app_secrect", values{"shopid": "test_shop_id", "shop_order_id": "test_shop_order_id"}, "a93d8d6bae9a9483c1b1d4e8670e7f6226ec94cb"},
		{"13", maiyatian, key, values{"app_key": "myttest", "params": `{"origin_id":"T20261102000001"}`, "timestamp": "1793600000", "version": "1"}, "4BE4E5D1CE7ABEA9E150F0467327DCE1"},
		{"14", fn, key, values{"access_token": "tok", "app_id": "fntest", "business_data": `{"partner_order_code":"T20261102000001"}`, "merchant_id": "1001",
			"timestamp": "1793600000000", "version": "1.0"}, "38119e4b913b56d1dc2906a11ab08acfdea38c6a9a6196ac4ff1c213f043bf60"},
		{"15", fn2, "", values{"app_id": "fntest", "access_token": "tok", "data": `%7B%22partner_order_code%22%3A%22T1%22%7D`, "salt": "1234"}, "61ea3cde608d63a3022542e86514e284"},
	}
}

// TestSignatureVectors holds adapters and simulators to every vector of both references, in
// one table, so that none is forgotten. The packages' own tests take some of them further:
// as whole requests on the wire.
func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	vectors := append(carrierVectors(), platformVectors()...)
	require.Len(t, vectors, 18+15)
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, v.want, v.by.adapter(v.secret, v.in), "adapter")
			if v.by.simulator != nil {
				require.Equal(t, v.want, v.by.simulator(v.secret, v.in), "simulator")
			}
			if v.secret != "" {
				require.NotEqual(t, v.want, v.by.adapter(v.secret+"x", v.in), "the secret takes part")
			}
		})
	}
}
