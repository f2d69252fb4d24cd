package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/chuandao/qianfan/client"
)

// qianfan stands in for the real host.
func qianfan() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.Path {
		case "POST /upstream/v1/orders":
			_, _ = io.WriteString(w, `{"code":0,"message":"ok","data":{"order_id":"250571647332136393","state":"received","fee_fen":1500}}`)
		case "GET /upstream/v1/orders/A-1001":
			_, _ = io.WriteString(w, `{"code":0,"message":"ok","data":{"order_no":"A-1001","state":"assigned","carrier":"shansong","rider":{"name":"李四"}}}`)
		default:
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"code":40903,"message":"order_over: order A-1000 is delivered","field":"order_no"}`)
		}
	}))
}

// Have an order carried, follow it, offer more.
func Example() {
	host := qianfan()
	defer host.Close()
	ctx := context.Background()
	q, err := client.New(host.URL, "qf-test-key", "qf-test-secret-0001")
	if err != nil {
		panic(err)
	}
	made, err := q.CreateOrder(ctx, client.NewOrder{
		OrderNo: "A-1001",
		Delivery: client.Delivery{
			Shop:      client.Stop{ID: "qf-shop-0001"},
			Recipient: client.Stop{Name: "张三", Phone: "13812345678_1234", Address: "教工路 2 号", Lng: 120.1423, Lat: 30.2856},
			Goods:     client.Goods{Category: "food", WeightG: 1200, ValueFen: 4550},
		},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(made.State, made.FeeFen)

	o, err := q.Order(ctx, "A-1001")
	if err != nil {
		panic(err)
	}
	fmt.Println(o.State, o.Carrier, o.Rider.Name)

	_, err = q.Tip(ctx, "A-1000", 200, "second-try")
	var refused *client.Error
	if errors.As(err, &refused) && refused.Code == client.CodeOrderOver {
		fmt.Println("too late:", refused.Message)
	}
	// Output:
	// received 1500
	// assigned shansong 李四
	// too late: order_over: order A-1000 is delivered
}
