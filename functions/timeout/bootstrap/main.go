// Command bootstrap runs the stage timeout on Function Compute.
package main

import (
	"github.com/chuandao/qianfan/functions/timeout"
	"github.com/chuandao/qianfan/shared/function"
)

func main() {
	function.StartEvent(function.EventConfig{}, timeout.Build)
}
