// Command bootstrap runs the stage quote on Function Compute.
package main

import (
	"github.com/chuandao/qianfan/functions/quote"
	"github.com/chuandao/qianfan/shared/function"
)

func main() {
	function.StartEvent(function.EventConfig{}, quote.Build)
}
