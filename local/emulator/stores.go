package emulator

import (
	"fmt"

	"github.com/chuandao/qianfan/local/sim"
	"github.com/chuandao/qianfan/local/sim/dada"
	"github.com/chuandao/qianfan/local/sim/fengniao"
	"github.com/chuandao/qianfan/local/sim/sftc"
	"github.com/chuandao/qianfan/local/sim/shansong"
	"github.com/chuandao/qianfan/local/sim/world"
)

// stores are the numbers of the n-th seeded shop at the carriers that give shops one; 蜂鸟
// and 达达 take the merchant's own code.
func stores(n int, code string) map[string]string {
	return map[string]string{
		shansong.Name: fmt.Sprintf("3%016d", n+1),
		sftc.Name:     fmt.Sprintf("32432798%05d", n+1),
		fengniao.Name: code,
		dada.Name:     code,
	}
}

// storesAt are the numbers of all shops at one carrier.
func storesAt(carrier string) []string {
	var all []string
	for n, s := range sim.Shops(shopSeed) {
		all = append(all, stores(n, s.Code)[carrier])
	}
	return all
}

// placesAt are the shops' places by their numbers at one carrier, as the merchant told it
// when it made its stores there.
func placesAt(carrier string) map[string]world.Point {
	all := map[string]world.Point{}
	for n, s := range sim.Shops(shopSeed) {
		all[stores(n, s.Code)[carrier]] = s.Point()
	}
	return all
}
