package operate

import (
	"math"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/attack"
)

// FuzzReadShops takes whatever file somebody imports: every shop that it yields could be
// stored, and every other line is named.
func FuzzReadShops(f *testing.F) {
	f.Add([]byte("platform,code,city,city_name,name,phone,address,lng,lat,excluded,store:shansong\nmeituan,S1,330100,杭州市,奎元馆,0571-87028626,解放路,120.1,30.2,uupt,1\n"))
	f.Add([]byte(`[{"platform":"jd","code":"S1","city":"330100","city_name":"杭州市","name":"a","phone":"0571-87028626","address":"b","lng":120,"lat":30.2}]`))
	f.Add([]byte(`{"shops":[{"platform":"jd","lng":NaN,"lat":1e999,"excluded":["uupt","uupt"]}]}`))
	f.Add([]byte("a: &a [x]\nb: [*a,*a]\n"))
	for _, seed := range attack.Seeds(attack.JSON(), attack.Values()) {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var file ShopFile
		var err error
		attack.Bounded(t, func() { file, err = ReadShops(raw, known) })
		if err == nil {
			require.Positive(t, len(file.Shops)+file.Bad)
		}
		require.Equal(t, file.Bad == 0, len(file.Mistakes) == 0)
		for _, s := range file.Shops {
			require.NotEmpty(t, s.Platform)
			require.NotEmpty(t, s.Code)
			require.LessOrEqual(t, utf8.RuneCountInString(s.Code), 64)
			require.True(t, s.Stop.Point.InChina())
			require.False(t, math.IsNaN(s.Stop.Point.Lng))
		}
		again, _ := ReadShops(raw, known)
		require.Equal(t, file, again)
	})
}

// FuzzReadStrategy takes whatever somebody writes for a strategy: what passes can be written
// and reads back the same.
func FuzzReadStrategy(f *testing.F) {
	f.Add([]byte("name: lunch\nmode: sequential\ncarriers: [uupt, shansong]\nquote: {deadline: 1500ms, reuse: 60s}\naccept_timeout: 90s\ngive_up_after: 15m\n"))
	f.Add([]byte(`{"name":"x","mode":"simultaneous","carriers":["uupt"],"race":{"width":2,"widen_after":"45s","widen_by":1},"tip":{"after":"2m","every":"1m","step_fen":100,"max_fen":500}}`))
	f.Add([]byte("a: &a [*a]\n"))
	for _, seed := range attack.Seeds(attack.JSON(), attack.Values()) {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		x, err := ReadStrategy(raw, known.Carriers)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		written, err := WriteStrategy(x)
		require.NoError(t, err)
		again, err := ReadStrategy(written, known.Carriers)
		require.NoError(t, err, string(written))
		require.Equal(t, x, again, string(written))
	})
}
