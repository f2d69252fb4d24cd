// Command bootstrap runs the stage dispatch on Function Compute.
package main

import (
	"github.com/chuandao/qianfan/functions/dispatch"
	"github.com/chuandao/qianfan/shared/function"
)

func main() {
	function.StartEvent(function.EventConfig{}, dispatch.Build)
}
