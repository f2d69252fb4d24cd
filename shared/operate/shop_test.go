package operate

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
)

var known = Known{Platforms: []string{"jd", "meituan"}, Carriers: carriers}

func texts(all Mistakes) []string {
	out := []string{}
	for _, m := range all {
		out = append(out, m.String())
	}
	return out
}

func TestShopsFromCSV(t *testing.T) {
	t.Parallel()
	f, err := ReadShops([]byte("\ufeffplatform,code,city,city_name,name,phone,address,lng,lat,excluded,store:shansong\r\n"+
		"meituan,S1,330100,杭州市,奎元馆,0571-87028626,\"解放路 154 号, 二楼\",120.1551,30.2741,uupt;sftc,20000000000000001\r\n"+
		"jd,S1,330100,杭州市,奎元馆,13812345678,解放路 154 号,120.1551,30.2741,,\r\n"), known)
	require.NoError(t, err)
	require.Empty(t, f.Mistakes)
	stop := order.Stop{Name: "奎元馆", Phone: "0571-87028626", Address: "解放路 154 号, 二楼", Point: geo.Point{Lng: 120.1551, Lat: 30.2741}}
	require.Equal(t, store.Shop{Platform: "meituan", Code: "S1", City: "330100", CityName: "杭州市", Stop: stop, Excluded: []string{"sftc", "uupt"}, Stores: map[string]string{"shansong": "20000000000000001"}}, f.Shops[0])
	require.NotNil(t, f.Shops[1].Excluded, "an empty cell says: none")
	require.Empty(t, f.Shops[1].Excluded)
	require.Equal(t, map[string]string{"shansong": ""}, f.Shops[1].Stores, "an empty cell ends a mapping")
}

func TestEveryBadLineIsNamed(t *testing.T) {
	t.Parallel()
	f, err := ReadShops([]byte(`platform,code,city,city_name,name,phone,address,lng,lat,excluded
meituan,S1,330100,杭州市,奎元馆,0571-87028626,解放路,30.2,120.1,
meituan,S2,330100,杭州市,奎元馆,0571-87028626,解放路,120.1,30.2,ghost
meituan,S3,33010,杭州市,,call me,解放路,east,30.2,
elsewhere,S4,330100,杭州市,奎元馆,0571-87028626,解放路,0,0,
meituan,S2,330100,杭州市,奎元馆,0571-87028626,解放路,120.1,30.2,
meituan,S5,330100
meituan,S6,330100,杭州市,奎元馆,0571-87028626,解放路,120.1,30.2,
`), known)
	require.NoError(t, err)
	require.Equal(t, []string{
		"line 2: lng: lng 30.2 lat 120.1 look swapped",
		`line 3: excluded: "ghost" is none of [shansong uupt sftc fengniao]`,
		`line 4: lng: "east" is no number`,
		`line 4: city: "33010" is no six digits, as 330100`,
		"line 4: name: is empty",
		`line 4: phone: "call me" is no phone number`,
		"line 5: lng: lng 0 lat 0 are not in China (decimal degrees, GCJ-02)",
		`line 5: platform: "elsewhere" is none of [jd meituan]`,
		`line 6: code: "S2" of meituan is at line 3 already`,
	}, texts(f.Mistakes[:9]))
	require.Equal(t, "line 7: has 3 fields, the first line has 10", f.Mistakes[9].String())
	require.Equal(t, 6, f.Bad)
	require.Len(t, f.Shops, 1)
	require.Equal(t, "S6", f.Shops[0].Code)
}

func TestShopsFromJSON(t *testing.T) {
	t.Parallel()
	f, err := ReadShops([]byte(`[
  {"platform": "jd", "code": "S1", "city": "330100", "city_name": "杭州市", "name": "a", "phone": "0571-87028626", "address": "b", "lng": 120, "lat": 30.2},
  {"platform": "jd", "code": "S2", "city": "330100", "city_name": "杭州市", "name": "a", "phone": "0571-87028626", "address": "b", "lng": 120, "lat": 30.2, "stores": {"ghost": "1"}}
]`), known)
	require.NoError(t, err)
	require.Equal(t, []string{`[1].store:ghost: "ghost" is none of [shansong uupt sftc fengniao]`}, texts(f.Mistakes))
	require.Len(t, f.Shops, 1)
	require.Nil(t, f.Shops[0].Excluded, "what is not said stays")

	_, err = ReadShops([]byte(`[{"platform": 1, "shop": "x"}]`), known)
	require.EqualError(t, err, "line 1: [0].platform: want text: write \"1\" in quotes\n"+
		"line 1: [0].shop: no such key; known are platform, code, city, city_name, name, phone, address, lng, lat, excluded, stores")
}

func TestWhatIsShownCanBeImported(t *testing.T) {
	t.Parallel()
	one := store.Shop{Platform: "jd", Code: "S1", City: "330100", CityName: "杭州市", Stop: order.Stop{Name: "a", Phone: "0571-87028626", Address: "b", Point: geo.Point{Lng: 120, Lat: 30.2}},
		Excluded: []string{"uupt"}, Stores: map[string]string{"shansong": "2000"}}
	raw, err := json.Marshal(map[string]any{"shops": Shops([]store.Shop{one})})
	require.NoError(t, err)
	f, err := ReadShops(raw, known)
	require.NoError(t, err)
	require.Empty(t, f.Mistakes)
	require.Equal(t, []store.Shop{one}, f.Shops)
}

func TestAFileThatIsNone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                  "empty",
		"platform,\xb2\xe2": "not UTF-8",
		"platform,code,x,x": "line 1: x: no such column",
		"platform,code":     "line 1: lat: the column is missing",
		strings.Join(needed, ",") + ",store:ghost\n": `line 1: store:ghost: "ghost" is none of`,
		strings.Join(needed, ",") + "\n\"a":          "read CSV",
		"{}":                                         "holds no shop",
		`{"shop":[]}`:                                "line 1: shop: no such key; known are shops",
		strings.Join(needed, ",") + "\n":             "holds no shop",
	} {
		_, err := ReadShops([]byte(text), known)
		require.ErrorContains(t, err, want, text)
	}
}
