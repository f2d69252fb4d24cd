package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/chuandao/qianfan/local/sim"
	"github.com/chuandao/qianfan/shared/store"
)

func main() {
	ctx := context.Background()
	o := Options{Speed: 60, Seed: 5, Durability: "flush", Verbose: os.Getenv("V") != "", Faults: os.Getenv("F")}
	e, err := Start(ctx, o.Ephemeral(), os.Stderr)
	if err != nil { fmt.Println("START", err); os.Exit(1) }
	fmt.Println("ready in", e.ReadyIn)
	c, err := sim.NewCustomers(sim.CustomersOptions{Clock: e.Clock, Faults: e.Faults, Seed: 5, Platforms: e.Platforms})
	if err != nil { panic(err) }
	n := 30
	fmt.Sscan(os.Getenv("N"), &n)
	begin := time.Now()
	if err := c.Run(ctx, n, 5); err != nil { fmt.Println(err) }
	for i := 0; i < 600; i++ {
		time.Sleep(200*time.Millisecond)
		closed, _, err := e.Store.Closed(ctx, store.ClosedCursor{})
		if err != nil { fmt.Println(err) }
		st := map[string]int{}
		for _, x := range closed { st[x.State]++ }
		if i%10 == 0 || len(closed) == c.Counters().Accepted { fmt.Println(time.Since(begin).Round(time.Millisecond), c.Counters(), st, e.Clock.Status().Busy, e.Functions.Invocations()) }
		if len(closed) == c.Counters().Accepted { break }
	}
	fmt.Printf("%+v\n", e.Broker.Stats())
	c.Close()
	if os.Getenv("S") != "" { time.Sleep(15*time.Second) }
	fmt.Println("close", e.Close())
}
